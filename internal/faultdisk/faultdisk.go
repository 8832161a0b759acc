// Package faultdisk is a disk for tests: a file system in memory, mounted by FUSE, that loses at a power cut what was
// not synced, and fails, fills up or slows down when told. The program on it is the unchanged program: SQLite, the
// recorder and the broker meet the same faults through the same system calls. docs/design/0007-faults.md says what a
// power cut may do here.
//
// The program under test MUST be another process than the one that serves the disk: a process that waits for itself
// inside the kernel waits for ever.
package faultdisk

import (
	"fmt"
	"io/fs"
	"math"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Disk is the file system. All methods may be called from any goroutine, mounted or not.
type Disk struct {
	mu       sync.Mutex
	root     *node
	nodes    map[uint64]*node // by the number that the kernel knows; never forgotten
	last     uint64
	capacity int64
	used     int64
	others   int64 // of used: what Occupy says
	dead     bool  // after Cut: every call fails
	faults   []*Fault
	counts   map[Op]int
	mounted  *session
}

// node is a file or a directory: what programs see, and beside it what the medium holds.
type node struct {
	id      uint64
	parent  *node
	name    string
	dir     bool
	mode    uint32
	changed time.Time
	gone    bool // removed; only open handles see it

	data    []byte   // now
	kept    []byte   // on the medium
	pending []change // from kept to data, in order

	children     map[string]*node // now
	keptChildren map[string]*node // on the medium
	renames      []naming         // from keptChildren to children, in order
}

// change is one write, or one change of size if data is nil.
type change struct {
	off  int64 // the new size, for a change of size
	data []byte
}

// naming is what one call did to the names of a directory; nil takes a name away.
type naming map[string]*node

// New makes an empty disk of a size in bytes; 0 has no bound.
func New(capacity int64) *Disk {
	d := &Disk{nodes: map[uint64]*node{}, counts: map[Op]int{}}
	d.SetCapacity(capacity)
	d.root = d.add(nil, "", true, 0o755)
	return d
}

// SetCapacity changes the size of the disk while it is in use; 0 has no bound.
func (d *Disk) SetCapacity(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.capacity = n; n <= 0 {
		d.capacity = math.MaxInt64 / 2
	}
}

// Occupy changes how many bytes others than the program under test take of the disk.
func (d *Disk) Occupy(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used += n - d.others
	d.others = n
}

// Used is how many bytes the files hold.
func (d *Disk) Used() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used
}

// Damage changes a file as a failing medium would, behind everybody's back: what edit returns is what the medium
// holds. The disk MUST NOT be mounted.
func (d *Disk) Damage(name string, edit func([]byte) []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return err
	}
	d.used -= int64(len(n.data))
	n.data = edit(append([]byte(nil), n.data...))
	n.kept, n.pending = append([]byte(nil), n.data...), nil
	d.used += int64(len(n.data))
	return nil
}

// find walks down a path below the root; the caller holds mu.
func (d *Disk) find(name string) (*node, error) {
	n := d.root
	for _, part := range strings.Split(path.Clean(name), "/") {
		if part == "." || part == "" {
			continue
		}
		if n = n.children[part]; n == nil {
			return nil, fmt.Errorf("faultdisk: %s: %w", name, fs.ErrNotExist)
		}
	}
	return n, nil
}

// add makes a node; the caller holds mu, except New.
func (d *Disk) add(parent *node, name string, dir bool, mode uint32) *node {
	d.last++
	n := &node{id: d.last, parent: parent, name: name, dir: dir, mode: mode, changed: time.Now()}
	if dir {
		n.children, n.keptChildren = map[string]*node{}, map[string]*node{}
		n.mode |= syscall.S_IFDIR
	} else {
		n.mode |= syscall.S_IFREG
	}
	d.nodes[n.id] = n
	if parent != nil {
		parent.rename(naming{name: n})
	}
	return n
}

func (n *node) path() string {
	if n.parent == nil {
		return "/"
	}
	return path.Join(n.parent.path(), n.name)
}

// rename changes names of a directory, not yet on the medium.
func (n *node) rename(c naming) {
	c.apply(n.children)
	n.renames = append(n.renames, c)
	n.changed = time.Now()
}

func (c naming) apply(to map[string]*node) {
	for name, child := range c {
		if child == nil {
			delete(to, name)
		} else {
			to[name] = child
		}
	}
}

// write changes content, not yet on the medium.
func (n *node) write(c change) {
	n.data = c.apply(n.data)
	n.pending = append(n.pending, c)
	n.changed = time.Now()
}

func (c change) apply(to []byte) []byte {
	if c.data == nil {
		return resize(to, c.off)
	}
	if end := c.off + int64(len(c.data)); end > int64(len(to)) {
		to = resize(to, end)
	}
	copy(to[c.off:], c.data)
	return to
}

func resize(b []byte, size int64) []byte {
	if size <= int64(cap(b)) {
		old := len(b)
		b = b[:size]
		if int64(old) < size {
			clear(b[old:])
		}
		return b
	}
	grown := make([]byte, size, size+size/4)
	copy(grown, b)
	return grown
}

// sync puts content or names on the medium.
func (n *node) sync() {
	for _, c := range n.pending {
		n.kept = c.apply(n.kept)
	}
	for _, c := range n.renames {
		c.apply(n.keptChildren)
	}
	n.pending, n.renames = nil, nil
}

// ReadFile returns what programs see in a file, for the process that serves the disk.
func (d *Disk) ReadFile(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), n.data...), nil
}

// Has reports whether at least count files lie at or below a path.
func (d *Disk) Has(name string, count int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	return err == nil && n.files() >= count
}

func (n *node) files() int {
	if !n.dir {
		return 1
	}
	sum := 0
	for _, child := range n.children {
		sum += child.files()
	}
	return sum
}
