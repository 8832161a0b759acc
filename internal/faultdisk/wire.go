package faultdisk

import (
	"encoding/binary"
	"strings"
	"syscall"
)

// Operation codes of the FUSE protocol, version 7.31.
const (
	opLookup = 1 + iota
	opForget
	opGetattr
	opSetattr
)

const (
	opMkdir       = 9
	opUnlink      = 10
	opRmdir       = 11
	opRename      = 12
	opOpen        = 14
	opRead        = 15
	opWrite       = 16
	opStatfs      = 17
	opRelease     = 18
	opFsync       = 20
	opFlush       = 25
	opInit        = 26
	opOpendir     = 27
	opReaddir     = 28
	opReleasedir  = 29
	opFsyncdir    = 30
	opCreate      = 35
	opInterrupt   = 36
	opDestroy     = 38
	opBatchForget = 42
	opFallocate   = 43
	opRename2     = 45
)

const (
	protoMajor, protoMinor = 7, 31
	maxWrite               = 1 << 20
	initBigWrites          = 1 << 5
	initMaxPages           = 1 << 22
	setSize                = 1 << 3 // in setattr's valid: the size is to be changed
	setMode                = 1 << 0
	// cached is how long, in seconds, the kernel may keep names and attributes: nobody else changes them.
	cached = 3600
)

// request is one message of the kernel.
type request struct {
	op     uint32
	unique uint64
	node   uint64
	body   []byte
}

const headerIn, headerOut = 40, 16

func parse(b []byte) (request, bool) {
	if len(b) < headerIn || int(binary.LittleEndian.Uint32(b)) != len(b) {
		return request{}, false
	}
	return request{
		op: binary.LittleEndian.Uint32(b[4:]), unique: binary.LittleEndian.Uint64(b[8:]), node: binary.LittleEndian.Uint64(b[16:]), body: b[headerIn:],
	}, true
}

func (r request) u32(at int) uint32 { return binary.LittleEndian.Uint32(r.body[at:]) }
func (r request) u64(at int) uint64 { return binary.LittleEndian.Uint64(r.body[at:]) }

// names splits the names at the end of a message.
func (r request) names(at int) []string {
	return strings.Split(strings.TrimSuffix(string(r.body[at:]), "\x00"), "\x00")
}

// reply builds an answer.
type reply struct{ b []byte }

func (p *reply) u16(v uint16) { p.b = binary.LittleEndian.AppendUint16(p.b, v) }
func (p *reply) u32(v uint32) { p.b = binary.LittleEndian.AppendUint32(p.b, v) }
func (p *reply) u64(v uint64) { p.b = binary.LittleEndian.AppendUint64(p.b, v) }

// finish puts the header in front.
func (p *reply) finish(unique uint64, errno syscall.Errno) []byte {
	if errno != 0 {
		p.b = p.b[:headerOut]
	}
	binary.LittleEndian.PutUint32(p.b, uint32(len(p.b)))
	binary.LittleEndian.PutUint32(p.b[4:], uint32(-int32(errno)))
	binary.LittleEndian.PutUint64(p.b[8:], unique)
	return p.b
}

func (p *reply) attr(n *node) {
	sec, nsec := uint64(n.changed.Unix()), uint32(n.changed.Nanosecond())
	size := uint64(len(n.data))
	p.u64(n.id)
	p.u64(size)
	p.u64((size + sector - 1) / sector)
	for range 3 {
		p.u64(sec)
	}
	for range 3 {
		p.u32(nsec)
	}
	p.u32(n.mode)
	p.u32(1) // links
	p.u32(0) // uid
	p.u32(0) // gid
	p.u32(0) // rdev
	p.u32(4096)
	p.u32(0)
}

func (p *reply) attrOut(n *node) {
	p.u64(cached)
	p.u32(0)
	p.u32(0)
	p.attr(n)
}

func (p *reply) entry(n *node) {
	p.u64(n.id)
	p.u64(0) // generation
	p.u64(cached)
	p.u64(cached)
	p.u32(0)
	p.u32(0)
	p.attr(n)
}

func (p *reply) handle() {
	p.u64(0)
	p.u32(0)
	p.u32(0)
}

func (p *reply) init(readahead uint32) {
	p.u32(protoMajor)
	p.u32(protoMinor)
	p.u32(readahead)
	p.u32(initBigWrites | initMaxPages)
	p.u16(16) // background
	p.u16(12) // congestion
	p.u32(maxWrite)
	p.u32(1) // granularity of times, ns
	p.u16(maxWrite / 4096)
	p.u16(0)
	p.b = append(p.b, make([]byte, 32)...)
}

// dirent adds an entry of a directory and reports whether it fitted.
func (p *reply) dirent(id, next uint64, name string, dir bool, most int) bool {
	const head = 24
	size := (head + len(name) + 7) &^ 7
	if len(p.b)-headerOut+size > most {
		return false
	}
	kind := uint32(syscall.DT_REG)
	if dir {
		kind = syscall.DT_DIR
	}
	p.u64(id)
	p.u64(next)
	p.u32(uint32(len(name)))
	p.u32(kind)
	p.b = append(p.b, name...)
	p.b = append(p.b, make([]byte, size-head-len(name))...)
	return true
}
