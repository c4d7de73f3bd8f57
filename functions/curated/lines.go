package curated

import (
	"bytes"
	"errors"
	"io"
)

// lines cuts a reader into lines that lie in its own buffer, so that a batch of them can be kept without
// copying. They last until the next call of fill.
type lines struct {
	reader io.Reader
	buffer []byte
	start  int
	end    int
	eof    bool
	// skipping says that the rest of a line that is too long is still to be passed over.
	skipping bool
}

// reset begins anew with another reader.
func (l *lines) reset(reader io.Reader) {
	*l = lines{reader: reader, buffer: l.buffer}
	if l.buffer == nil {
		l.buffer = make([]byte, batchBytes)
	}
}

// next returns the next line without its newline, and false where fill must be called first.
func (l *lines) next() (line []byte, ok bool) {
	for {
		pending := l.buffer[l.start:l.end]
		i := bytes.IndexByte(pending, '\n')
		switch {
		case i < 0 && l.skipping:
			l.start = l.end
			return nil, false
		case i >= 0 && l.skipping:
			l.start += i + 1
			l.skipping = false
		case i >= 0:
			l.start += i + 1
			return pending[:i:i], true
		case l.eof && len(pending) > 0:
			l.start = l.end
			return pending, true
		default:
			return nil, false
		}
	}
}

// errLineTooLong says that a line is longer than [MaxRecordBytes]. The next call of fill goes on behind it.
var errLineTooLong = errors.New("line too long")

// fill reads on, and returns io.EOF at the end.
func (l *lines) fill() error {
	if l.eof {
		return io.EOF
	}
	l.end = copy(l.buffer, l.buffer[l.start:l.end])
	l.start = 0
	if l.end == len(l.buffer) {
		if l.end >= MaxRecordBytes {
			l.end = 0
			l.skipping = true
			return errLineTooLong
		}
		grown := make([]byte, min(2*len(l.buffer), MaxRecordBytes))
		copy(grown, l.buffer)
		l.buffer = grown
	}
	for l.end < len(l.buffer) {
		n, err := l.reader.Read(l.buffer[l.end:])
		l.end += n
		if err == io.EOF {
			l.eof = true
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
