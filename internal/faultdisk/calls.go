package faultdisk

import (
	"maps"
	"path"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// call is one request on its node, under the disk's lock.
type call struct {
	d *Disk
	r request
	n *node
	p *reply
}

// calls says what does what; anything else is refused with ENOSYS, which the kernel knows how to do without.
var calls = map[uint32]func(*call) syscall.Errno{
	opLookup: (*call).lookup, opGetattr: (*call).getattr, opSetattr: (*call).setattr, opMkdir: (*call).mkdir, opCreate: (*call).create,
	opUnlink: (*call).unlink, opRmdir: (*call).unlink, opRename: (*call).rename, opRename2: (*call).rename, opOpen: (*call).open,
	opOpendir: (*call).open, opRead: (*call).read, opWrite: (*call).writeAll, opStatfs: (*call).statfs, opFsync: (*call).sync,
	opFsyncdir: (*call).sync, opReaddir: (*call).readdir, opFallocate: (*call).allocate,
}

// what names the operation and the path that faults are matched with; "" cannot go wrong.
func (c *call) what() (Op, string) {
	here := c.n.path()
	switch c.r.op {
	case opOpen:
		return Open, here
	case opCreate:
		return Create, path.Join(here, c.r.names(16)[0])
	case opMkdir:
		return Mkdir, path.Join(here, c.r.names(8)[0])
	case opUnlink, opRmdir:
		return Remove, path.Join(here, c.r.names(0)[0])
	case opRename, opRename2:
		from, _, _ := c.renaming()
		return Rename, path.Join(here, from)
	case opSetattr:
		if c.r.u32(0)&setSize != 0 {
			return Truncate, here
		}
	case opRead:
		return Read, here
	case opWrite:
		return Write, here
	case opFsync:
		return Sync, here
	case opFsyncdir:
		return SyncDir, here
	case opFallocate:
		return Allocate, here
	}
	return "", ""
}

func (c *call) lookup() syscall.Errno {
	n := c.n.children[c.r.names(0)[0]]
	if n == nil {
		return unix.ENOENT
	}
	c.p.entry(n)
	return 0
}

func (c *call) getattr() syscall.Errno {
	c.p.attrOut(c.n)
	return 0
}

func (c *call) setattr() syscall.Errno {
	valid := c.r.u32(0)
	if valid&setSize != 0 {
		if errno := c.size(int64(c.r.u64(16))); errno != 0 {
			return errno
		}
	}
	if valid&setMode != 0 {
		c.n.mode = c.n.mode&syscall.S_IFMT | c.r.u32(68)&^syscall.S_IFMT
	}
	c.p.attrOut(c.n)
	return 0
}

// size changes the size of a file, within the disk's.
func (c *call) size(to int64) syscall.Errno {
	more := to - int64(len(c.n.data))
	if more > 0 && c.d.used+more > c.d.capacity {
		return unix.ENOSPC
	}
	if !c.n.gone {
		c.d.used += more
	}
	c.n.write(change{off: to})
	return 0
}

func (c *call) mkdir() syscall.Errno {
	name := c.r.names(8)[0]
	if c.n.children[name] != nil {
		return unix.EEXIST
	}
	c.p.entry(c.d.add(c.n, name, true, c.r.u32(0)&0o7777))
	return 0
}

func (c *call) create() syscall.Errno {
	name := c.r.names(16)[0]
	n := c.n.children[name]
	switch {
	case n == nil:
		n = c.d.add(c.n, name, false, c.r.u32(4)&0o7777)
	case c.r.u32(0)&unix.O_EXCL != 0:
		return unix.EEXIST
	}
	c.p.entry(n)
	c.p.handle()
	return 0
}

func (c *call) unlink() syscall.Errno {
	name := c.r.names(0)[0]
	n := c.n.children[name]
	switch {
	case n == nil:
		return unix.ENOENT
	case len(n.children) > 0:
		return unix.ENOTEMPTY
	}
	c.n.rename(naming{name: nil})
	c.drop(n)
	return 0
}

// drop gives a removed file's room back.
func (c *call) drop(n *node) {
	if n != nil && !n.gone {
		n.gone = true
		c.d.used -= int64(len(n.data))
	}
}

func (c *call) renaming() (from, to string, dir uint64) {
	at := 8
	if c.r.op == opRename2 {
		at = 16
	}
	names := c.r.names(at)
	return names[0], names[len(names)-1], c.r.u64(0)
}

func (c *call) rename() syscall.Errno {
	from, to, id := c.renaming()
	dir, n := c.d.nodes[id], c.n.children[from]
	if dir == nil || n == nil {
		return unix.ENOENT
	}
	if over := dir.children[to]; over != n {
		if c.r.op == opRename2 && c.r.u32(8) != 0 {
			return unix.EINVAL
		}
		c.drop(over)
	}
	if dir == c.n {
		dir.rename(naming{from: nil, to: n})
	} else {
		c.n.rename(naming{from: nil})
		dir.rename(naming{to: n})
	}
	n.name, n.parent = to, dir
	return 0
}

func (c *call) open() syscall.Errno {
	c.p.handle()
	return 0
}

func (c *call) read() syscall.Errno {
	from := min(int64(c.r.u64(8)), int64(len(c.n.data)))
	to := min(from+int64(c.r.u32(16)), int64(len(c.n.data)))
	c.p.b = append(c.p.b, c.n.data[from:to]...)
	return 0
}

func (c *call) writeAll() syscall.Errno { return c.write(c.r.u32(16)) }

// write takes the first bytes of what is to be written, fewer if the disk is full.
func (c *call) write(n uint32) syscall.Errno {
	const head = 40
	off, data := int64(c.r.u64(8)), c.r.body[head:]
	if int(n) > len(data) {
		return unix.EINVAL
	}
	if more := off + int64(n) - int64(len(c.n.data)); more > 0 {
		if room := c.d.capacity - c.d.used; more > room {
			fits := (int64(n) - more + max(0, room)) &^ 4095
			if fits <= 0 {
				return unix.ENOSPC
			}
			n = uint32(fits)
			more = off + fits - int64(len(c.n.data))
		}
		if !c.n.gone {
			c.d.used += max(0, more)
		}
	}
	c.n.write(change{off: off, data: append([]byte{}, data[:n]...)})
	c.p.u32(n)
	c.p.u32(0)
	return 0
}

func (c *call) statfs() syscall.Errno {
	const block = 4096
	free := uint64(max(0, c.d.capacity-c.d.used)) / block
	for _, v := range [...]uint64{uint64(c.d.capacity) / block, free, free, 1 << 20, 1 << 19} {
		c.p.u64(v)
	}
	for _, v := range [...]uint32{block, 255, block, 0} {
		c.p.u32(v)
	}
	c.p.b = append(c.p.b, make([]byte, 24)...)
	return 0
}

func (c *call) sync() syscall.Errno {
	c.n.sync()
	return 0
}

func (c *call) readdir() syscall.Errno {
	names := slices.Sorted(maps.Keys(c.n.children))
	most := int(c.r.u32(16))
	for i := int(c.r.u64(8)); i < len(names); i++ {
		child := c.n.children[names[i]]
		if !c.p.dirent(child.id, uint64(i+1), names[i], child.dir, most) {
			break
		}
	}
	return 0
}

func (c *call) allocate() syscall.Errno {
	const keepSize = 1
	to := int64(c.r.u64(8) + c.r.u64(16))
	if c.r.u32(24)&^keepSize != 0 {
		return unix.EOPNOTSUPP
	}
	if to > int64(len(c.n.data)) {
		return c.size(to)
	}
	return 0
}
