package faults

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"siaga/internal/faultdisk"
)

// diskFaults are what a disk does to the site for two seconds.
var diskFaults = []struct {
	what  string
	fault faultdisk.Fault
	facts bool // no fact can become durable while it lasts
	video bool // no video can be written
}{
	{"writing the log", faultdisk.Fault{Op: faultdisk.Write, In: "siaga.db-wal", Err: syscall.EIO}, true, false},
	{"room for the log, and no reserve helps", faultdisk.Fault{Op: faultdisk.Write, In: "siaga.db-wal", Err: syscall.ENOSPC}, true, false},
	{"half a write to the log", faultdisk.Fault{Op: faultdisk.Write, In: "siaga.db-wal", Err: syscall.EIO, Short: true}, true, false},
	{"fsync of the log", faultdisk.Fault{Op: faultdisk.Sync, In: "siaga.db-wal", Err: syscall.EIO}, true, false},
	{"writing the database", faultdisk.Fault{Op: faultdisk.Write, In: "siaga.db$", Err: syscall.EIO}, false, false},
	{"fsync of the database", faultdisk.Fault{Op: faultdisk.Sync, In: "siaga.db$", Err: syscall.EIO}, false, false},
	{"writing video", faultdisk.Fault{Op: faultdisk.Write, In: "/segments/", Err: syscall.EIO}, false, true},
	{"room for video", faultdisk.Fault{Op: faultdisk.Write, In: "/segments/", Err: syscall.ENOSPC, Short: true}, false, true},
	{"fsync of video", faultdisk.Fault{Op: faultdisk.Sync, In: "/segments/", Err: syscall.EIO}, false, false},
	{"creating files", faultdisk.Fault{Op: faultdisk.Create, Err: syscall.EIO}, false, false},
	{"rename", faultdisk.Fault{Op: faultdisk.Rename, Err: syscall.EIO}, false, false},
	{"fsync of directories", faultdisk.Fault{Op: faultdisk.SyncDir, Err: syscall.EIO}, false, false},
	{"every write", faultdisk.Fault{Op: faultdisk.Write, Err: syscall.EIO}, true, true},
	{"every fsync", faultdisk.Fault{Op: faultdisk.Sync, Err: syscall.EIO}, true, false},
	{"everything", faultdisk.Fault{Err: syscall.EIO}, true, true},
	{"slow: 300 ms a write", faultdisk.Fault{Op: faultdisk.Write, Delay: 300 * time.Millisecond}, false, false},
	{"slow: 1 s an fsync", faultdisk.Fault{Op: faultdisk.Sync, Delay: time.Second}, false, false},
}

// The disk fails for two seconds under load, each kind of operation in its turn. Facts get a receipt only if they are
// durable; receipts and video come back by themselves; nothing that was promised is lost, here not even by a power cut
// just afterwards, and what is missing of the video is a gap.
func TestDisk_FailsForTwoSecondsAndTheSiteGoesOn(t *testing.T) {
	rounds := times(t, "SIAGA_DISK_ROUNDS", 1)
	var mu sync.Mutex
	var n, lost, corrupt int
	var worst time.Duration
	var all sync.WaitGroup
	slots := make(chan struct{}, 6)
	for i := range rounds * len(diskFaults) {
		f := &diskFaults[i%len(diskFaults)]
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			t.Run(f.what, func(t *testing.T) {
				g := newRig(t, 0)
				back := g.failFor(2*time.Second, f.facts, &faultdisk.Fault{
					Op: f.fault.Op, In: f.fault.In, Err: f.fault.Err, Short: f.fault.Short, Delay: f.fault.Delay,
				})
				v := g.check()
				mu.Lock()
				defer mu.Unlock()
				n++
				worst = max(worst, back)
				if v == nil || len(v.Findings) > 0 {
					corrupt++
				}
				if v == nil {
					return
				}
				lost += g.lost(v)
				for _, c := range cameras {
					if missing := g.ended - v.VideoEnd[c]; missing > 2500 {
						t.Errorf("%s: the last %d ms are not recorded: video did not come back", c, missing)
					}
				}
				if f.video && v.Gaps["disk_error"]+v.Gaps["disk_full"] == 0 {
					t.Errorf("no gap says that the disk failed: %v", v.Gaps)
				}
			})
		})
	}
	all.Wait()
	tell(t, fmt.Sprintf("disk fails for 2 s, %d kinds", len(diskFaults)), n, lost, corrupt, fmt.Sprintf("receipts and video back after %s", worst.Round(time.Millisecond)))
}

// failFor breaks the disk for a while under load, waits until receipts and video are back, and ends the program: half
// of the time in order, else by a power cut. It returns how long after the end of the fault all was back.
func (g *rig) failFor(long time.Duration, stopsFacts bool, f *faultdisk.Fault) time.Duration {
	t := g.t
	p := g.start("site")
	p.until("the first receipts and pictures", 20*time.Second, func() bool { return p.oks > 20 && len(p.last) == len(cameras) })
	time.Sleep(time.Duration(g.rand.Int64N(int64(time.Second))))
	g.disk.Inject(f)
	time.Sleep(long / 4) // what was under way when it began is through, and its receipts have come
	during := p.count()
	time.Sleep(long - long/4)
	during = p.count() - during
	g.disk.Heal()
	if f.Hits() == 0 && f.Op != faultdisk.Rename && f.Op != faultdisk.Create && f.In != "siaga.db$" {
		t.Error("nothing failed")
	}
	if stopsFacts && during > 0 {
		t.Errorf("%d receipts while nothing could become durable", during)
	}
	healed := time.Now()
	had := p.count()
	files := g.disk.Calls(faultdisk.Write)
	p.until("receipts after the fault", 15*time.Second, func() bool { return p.oks > had+20 && g.disk.Calls(faultdisk.Write) > files })
	back := time.Since(healed)
	time.Sleep(5500 * time.Millisecond) // for video: a pause of 3 s at most, a part of 0.8 s, a sync 0.9 s later
	cut := time.Now().UnixMilli()
	if g.rand.IntN(2) == 0 {
		p.stop()
	} else {
		g.disk.Cut()
		p.kill()
		must(t, g.disk.Unmount())
		must(t, g.disk.Recover(g.rand))
		must(t, g.disk.Mount(g.dir))
	}
	g.ended = cut
	return back
}

// count is how many receipts the program has had.
func (p *program) count() (n int) {
	p.seen(func() { n = p.oks })
	return n
}
