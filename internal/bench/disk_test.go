package bench

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkDisk prints what one forced write of 4 KiB costs on the disk that the other benchmarks use, and which SQLite
// the program carries.
func BenchmarkDisk(b *testing.B) {
	reportLoad(b)
	for b.Loop() {
		reportSync(b, b.TempDir())
	}
	db, err := sql.Open("sqlite3", ":memory:")
	must(b, err)
	defer db.Close()
	var version string
	must(b, db.QueryRow("SELECT sqlite_version()").Scan(&version))
	fmt.Printf("# SQLite: %s\n", version)
}

// reportSync reports how long the disk takes to make 4 KiB durable.
func reportSync(b *testing.B, dir string) {
	b.Helper()
	f, err := os.Create(filepath.Join(dir, "sync"))
	must(b, err)
	defer f.Close()
	took := make([]time.Duration, 400)
	block := make([]byte, 4096)
	for i := range took {
		start := time.Now()
		_, err := f.Write(block)
		must(b, err)
		must(b, unix.Fdatasync(int(f.Fd())))
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	b.ReportMetric(ms(share(took, 0.5)), "fdatasync-p50-ms")
	b.ReportMetric(ms(share(took, 0.99)), "fdatasync-p99-ms")
}
