package vendorapi

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// aheadBytes bounds what all pages fetched ahead hold of memory, whatever their size and number: it is what 8 pages of a megabyte
// take, and a small part of the 64 MB that are enough for a function. The page whose turn it is has its room beside that, as
// it would have alone.
const aheadBytes = 8 << 20

// errNoRoom says that a page was given up before there was room for it.
var errNoRoom = errors.New("there was no room for the page ahead of its turn")

// room shares out what pages fetched ahead may hold.
type room struct {
	mutex sync.Mutex
	used  int64
	// freed is closed, and replaced, when room is made.
	freed chan struct{}
	// spare are buffers to be used again, which count as used.
	spare [][]byte
}

// place is what a page takes of the room, or where its turn has come, beside it.
type place struct {
	room   *room
	taken  int64
	beside bool
}

// take returns a place for a page that takes about so many bytes, and a buffer for it. It reports false where there is none.
func (r *room) take(bytes int) (at place, buffer []byte, ok bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if n := len(r.spare); n > 0 {
		buffer = r.spare[n-1]
		r.spare = r.spare[:n-1]
		r.used -= int64(cap(buffer))
	}
	taken := int64(max(bytes, cap(buffer)))
	if r.used+taken > aheadBytes {
		for _, one := range r.spare {
			r.used -= int64(cap(one))
		}
		r.spare, buffer, taken = nil, nil, int64(bytes)
	}
	if r.used+taken > aheadBytes {
		return place{}, nil, false
	}
	r.used += taken
	return place{room: r, taken: taken}, buffer, true
}

// keep keeps a buffer for later, if there is room.
func (r *room) keep(buffer []byte) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if size := int64(cap(buffer)); size > 0 && r.used+size <= aheadBytes {
		r.used += size
		r.spare = append(r.spare, buffer[:0])
	}
}

// leave gives the place back: its page's turn has come, or it is dropped.
func (p *place) leave() {
	r := p.room
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.used -= p.taken
	p.taken, p.beside = 0, true
	close(r.freed)
	r.freed = make(chan struct{})
}

// grow makes space in a buffer for n bytes more, for which it waits until there is room.
func (p *place) grow(ctx context.Context, buffer []byte, n int) ([]byte, error) {
	for {
		if ctx.Err() != nil {
			return buffer, errNoRoom
		}
		freed := p.extend(int64(len(buffer) + n))
		if freed == nil {
			return slices.Grow(buffer, n), nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
		}
	}
}

// extend makes the place one for so many bytes, or returns what is closed when it is worth another try.
func (p *place) extend(bytes int64) (freed <-chan struct{}) {
	r := p.room
	r.mutex.Lock()
	defer r.mutex.Unlock()
	more := bytes - p.taken
	switch {
	case p.beside || more <= 0:
	case r.used+more > aheadBytes:
		return r.freed
	default:
		r.used += more
		p.taken = bytes
	}
	return nil
}

// growFreely makes space in a buffer for n bytes more.
func growFreely(_ context.Context, buffer []byte, n int) ([]byte, error) {
	return slices.Grow(buffer, n), nil
}
