package seal_test

import (
	"testing"

	"siaga/internal/seal"
)

// BenchmarkSeal_Event prints the processor time that an event's place in the log costs: hash of the body, leaf, and the
// nodes of the tree that it completes.
func BenchmarkSeal_Event(b *testing.B) {
	var tree seal.Tree
	salt := make([]byte, seal.SaltSize)
	body := []byte(`{"lat":-3.54,"lon":118.97,"height_takeoff_m":58.3,"heading_deg":92.4,"speed_mps":6.4}`)
	e := seal.Envelope{Site: "kpu-majene", Kind: "drone.position", Device: "drone-1", Zone: "udara", At: 1_790_000_000_000, DeviceAt: 1_790_000_000_000}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		e.Seq = tree.Size() + 1
		tree.Append(seal.LeafHash(e, seal.BodyHash(salt, body)))
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1000/float64(n), "µs-CPU/event")
}

// BenchmarkLeaf is the leaf alone.
func BenchmarkLeaf(b *testing.B) {
	e := seal.Envelope{Seq: 4711, Site: "kpu-majene", Kind: "drone.position", Device: "drone-1", Zone: "udara", At: 1_790_000_000_000}
	var body seal.Hash
	b.ReportAllocs()
	for b.Loop() {
		seal.LeafHash(e, body)
	}
}
