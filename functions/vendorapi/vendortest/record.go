package vendortest

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// recordWriter writes one JSON object after another into the same buffer. It exists because a world of
// hundreds of thousands of records has to be there in a second or two.
type recordWriter struct {
	buf []byte
	// layout and zone are how times are written.
	layout string
	zone   *time.Location
}

// reset begins a new object.
func (w *recordWriter) reset() { w.buf = append(w.buf[:0], '{') }

// bytes ends the object and returns it; it is overwritten by the next.
func (w *recordWriter) bytes() []byte { w.buf = append(w.buf, '}'); return w.buf }

// next separates a value from the one before it.
func (w *recordWriter) next() {
	if last := w.buf[len(w.buf)-1]; last != '{' && last != '[' {
		w.buf = append(w.buf, ',')
	}
}

// name begins a field. Names are plain, without anything to escape.
func (w *recordWriter) name(name string) {
	w.next()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"', ':')
}

// open begins an object ('{') or an array ('[') in a field, or in an array where name is empty.
func (w *recordWriter) open(name string, bracket byte) {
	if name == "" {
		w.next()
	} else {
		w.name(name)
	}
	w.buf = append(w.buf, bracket)
}

func (w *recordWriter) close(bracket byte) { w.buf = append(w.buf, bracket) }

func (w *recordWriter) text(name, value string) {
	w.name(name)
	w.quote(value)
}

func (w *recordWriter) quote(value string) {
	// Only invalid UTF-8 is an error, and it is then replaced.
	w.buf, _ = jsontext.AppendQuote(w.buf, value)
}

// texts writes an array of strings, and nothing where there are none.
func (w *recordWriter) texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.open(name, '[')
	for _, value := range values {
		w.next()
		w.quote(value)
	}
	w.close(']')
}

// raw writes a value that is JSON already.
func (w *recordWriter) raw(name, value string) {
	w.name(name)
	w.buf = append(w.buf, value...)
}

func (w *recordWriter) int(name string, value int64) {
	w.name(name)
	w.buf = strconv.AppendInt(w.buf, value, 10)
}

// float writes one decimal.
func (w *recordWriter) float(name string, value float64) {
	w.name(name)
	w.buf = strconv.AppendFloat(w.buf, value, 'f', 1, 64)
}

func (w *recordWriter) bool(name string, value bool) {
	w.name(name)
	w.buf = strconv.AppendBool(w.buf, value)
}

func (w *recordWriter) flag(name string, value bool) {
	if value {
		w.raw(name, `"Y"`)
		return
	}
	w.raw(name, `"N"`)
}

func (w *recordWriter) time(name string, value time.Time) {
	w.name(name)
	w.buf = append(w.buf, '"')
	w.buf = value.In(w.zone).AppendFormat(w.buf, w.layout)
	w.buf = append(w.buf, '"')
}
