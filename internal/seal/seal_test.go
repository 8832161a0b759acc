package seal_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"siaga/internal/seal"
)

func leaf(i int) seal.Hash { return tlog.RecordHash(fmt.Appendf(nil, "leaf %d", i)) }

// grown builds a tree of n leaves and a reader over its stored hashes.
func grown(n int) (seal.Tree, seal.NodeReader) {
	var t seal.Tree
	stored := map[uint64][]seal.Hash{}
	for i := range n {
		stored[uint64(i+1)] = t.Append(leaf(i))
	}
	return t, func(seq uint64, level int) (seal.Hash, error) {
		hs := stored[seq]
		if level >= len(hs) {
			return seal.Hash{}, fmt.Errorf("no hash at %d level %d", seq, level)
		}
		return hs[level], nil
	}
}

// naive is RFC 6962 section 2.1 word by word.
func naive(leaves []seal.Hash) seal.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	return tlog.NodeHash(naive(leaves[:k]), naive(leaves[k:]))
}

func TestTree_RootEqualsRFC6962Definition(t *testing.T) {
	var leaves []seal.Hash
	for n := 1; n <= 130; n++ {
		leaves = append(leaves, leaf(n-1))
		tree, read := grown(n)
		want := naive(leaves)
		if got := tree.Root(); got != want {
			t.Fatalf("size %d: root %v, want %v", n, got, want)
		}
		if got, err := seal.RootAt(uint64(n), read); err != nil || got != want {
			t.Fatalf("size %d: stored root %v %v, want %v", n, got, err, want)
		}
		again, err := seal.LoadTree(uint64(n), read)
		if err != nil || again.Root() != want {
			t.Fatalf("size %d: loaded root %v %v", n, again.Root(), err)
		}
	}
}

func TestProofs_HoldForEveryPairAndFailWhenBent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "size")
		m := rapid.IntRange(1, n).Draw(t, "older")
		tree, read := grown(n)
		root := tree.Root()
		older, err := seal.RootAt(uint64(m), read)
		if err != nil {
			t.Fatal(err)
		}
		p, err := seal.ProveConsistency(uint64(n), uint64(m), read)
		if err != nil {
			t.Fatal(err)
		}
		if err := seal.CheckConsistency(p, uint64(n), root, uint64(m), older); err != nil {
			t.Fatal(err)
		}
		q, err := seal.ProveInclusion(uint64(n), uint64(m), read)
		if err != nil {
			t.Fatal(err)
		}
		if err := seal.CheckInclusion(q, uint64(n), root, uint64(m), leaf(m-1)); err != nil {
			t.Fatal(err)
		}
		if seal.CheckInclusion(q, uint64(n), root, uint64(m), leaf(m)) == nil {
			t.Fatal("a proof held for another leaf")
		}
		older[0] ^= 1
		if seal.CheckConsistency(p, uint64(n), root, uint64(m), older) == nil {
			t.Fatal("a consistency proof held for another root")
		}
	})
}

func TestLeaf_GoldenVectors(t *testing.T) {
	salt, _ := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	e := seal.Envelope{
		Seq: 4711, Site: "kpu-majene", Kind: "radio.emergency", Device: "ht-pos-2", Zone: "gudang-belakang",
		Subject: "", Actor: "", At: 1795140942170, DeviceAt: 1795140942000,
	}
	body := seal.BodyHash(salt, []byte(`{"slot":2}`))
	data := hex.EncodeToString(seal.LeafData(e, body))
	const wantData = "01" + "0008" + "0000000000001267" +
		"000a" + "6b70752d6d616a656e65" +
		"000f" + "726164696f2e656d657267656e6379" +
		"0008" + "68742d706f732d32" +
		"000f" + "677564616e672d62656c616b616e67" +
		"0000" + "0000" +
		"0008" + "000001a1f6bcf95a" + "0008" + "000001a1f6bcf8b0"
	if !strings.HasPrefix(data, wantData) {
		t.Fatalf("envelope encoding\n got %s\nwant %s", data, wantData)
	}
	if got := body.String(); got != goldenBody {
		t.Errorf("body hash %s, want %s", got, goldenBody)
	}
	if got := seal.LeafHash(e, body).String(); got != goldenLeaf {
		t.Errorf("leaf hash %s, want %s", got, goldenLeaf)
	}
	e.DeviceAt = 0
	if got := seal.LeafHash(e, body).String(); got != goldenLeafNoClock {
		t.Errorf("leaf hash without device time %s, want %s", got, goldenLeafNoClock)
	}
}

func TestCheckpoint_SurvivesTheRoundTripAndNoOtherKey(t *testing.T) {
	skey, vkey, err := note.GenerateKey(strings.NewReader(strings.Repeat("x", 64)), "siaga/kpu-majene")
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := note.NewSigner(skey)
	verifier, _ := note.NewVerifier(vkey)
	tree, _ := grown(5)
	c := seal.Checkpoint{Origin: "siaga/kpu-majene", Size: 5, Root: tree.Root(), At: time.UnixMilli(1795140942170).UTC()}
	signed, err := c.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	got, err := seal.OpenCheckpoint(signed, verifier)
	if err != nil || got != c {
		t.Fatalf("got %+v %v, want %+v", got, err, c)
	}
	bent := []byte(strings.Replace(string(signed), "\n5\n", "\n6\n", 1))
	if _, err := seal.OpenCheckpoint(bent, verifier); err == nil {
		t.Fatal("a changed size kept a valid signature")
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add("siaga/kpu-majene\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ntime 2026-11-20T02:15:42.170Z\n")
	f.Add("x\n0\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := seal.ParseCheckpoint(text)
		if err != nil {
			return
		}
		again, err := seal.ParseCheckpoint(c.Text())
		if !c.At.IsZero() && (err != nil || again != c) {
			t.Fatalf("%+v became %+v %v", c, again, err)
		}
	})
}
