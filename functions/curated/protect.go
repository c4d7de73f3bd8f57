package curated

import (
	"bytes"
	"fmt"

	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/jsonscan"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// masks are what is left of a value, by the kind of personal data.
var masks = map[vendorapi.Personal]func(string) string{
	vendorapi.PersonalEmail: privacy.MaskEmail,
	vendorapi.PersonalName:  privacy.MaskName,
	vendorapi.PersonalPhone: privacy.MaskPhone,
	vendorapi.PersonalIP:    privacy.MaskIP,
}

// protection is what becomes of values.
type protection struct {
	protect vendorapi.Protection
	// mask makes what is left of a value, where they are masked.
	mask func(string) string
}

// check says why values cannot be protected as it is declared, so that nothing which is unknown here is kept as it came.
func (p protection) check() error {
	switch {
	case p.protect != vendorapi.ProtectKeep && p.protect != vendorapi.ProtectDrop && !p.replaces():
		return fmt.Errorf("protect %q: want keep, hash, mask or drop", p.protect)
	case p.protect == vendorapi.ProtectMask && p.mask == nil:
		return fmt.Errorf("protect %q: there is no mask for its kind: want keep, hash or drop", p.protect)
	}
	return nil
}

// replaces says that text stands in place of the values.
func (p protection) replaces() bool {
	return p.protect == vendorapi.ProtectHash || p.protect == vendorapi.ProtectMask
}

// checkProtection says why a column cannot be protected as it is declared.
func (c *column) checkProtection() error {
	if err := c.check(); err != nil {
		return fmt.Errorf("column %s: %w", c.name, err)
	}
	if c.replaces() && c.kind != vendorapi.TypeString {
		return fmt.Errorf("column %s: protect %q: want a column of type string, not %s", c.name, c.protect, c.kind)
	}
	return nil
}

// protected returns what stands in a row for a value of the column; it is null where there is nothing to protect, so that nobody is
// counted who is not there. The result may refer to s.text and to the value.
func (s *scanner) protected(c *column, value parquet.Value) parquet.Value {
	if value.IsNull() || c.protect == vendorapi.ProtectKeep && c.inner == nil {
		return value
	}
	begin := len(s.text)
	if c.inner != nil {
		r := jsonscan.Trusting(value.ByteArray())
		if kept, err := s.protectWithin(c.inner, &r); !kept || err != nil {
			s.text = s.text[:begin]
		}
	} else {
		s.instead(c.protection, value.ByteArray())
	}
	if len(s.text) == begin {
		return parquet.Value{}
	}
	return parquet.ByteArrayValue(s.text[begin:len(s.text):len(s.text)])
}

// instead appends to s.text what stands in place of a text, nothing where there is nothing to protect.
func (s *scanner) instead(p protection, clear []byte) {
	if p.protect == vendorapi.ProtectMask {
		s.text = append(s.text, p.mask(string(clear))...)
	} else if len(bytes.TrimSpace(clear)) > 0 {
		s.text = s.digester.Append(s.text, clear)
	}
}

// withoutPersonal returns a record for quarantine: without the fields whose columns are not kept as they came, and null where it is no JSON
// object, so that nobody can say where in it they are.
func (t *Table) withoutPersonal(record []byte, isJSON bool) []byte {
	r := jsonscan.Trusting(record)
	if !isJSON || r.Peek() != '{' {
		return []byte("null")
	}
	left, err := t.root.without(nil, &r)
	if err != nil {
		return []byte("null")
	}
	return left
}

// without appends the object that comes next, but for what is personal in it.
func (f *field) without(to []byte, r *jsonscan.Reader) ([]byte, error) {
	if err := r.Open(); err != nil {
		return nil, err
	}
	to = append(to, '{')
	empty := len(to)
	var unescaped []byte
	for {
		more, err := r.Member()
		if err != nil {
			return nil, err
		}
		if !more {
			return append(to, '}'), nil
		}
		quoted, err := r.Name()
		if err != nil {
			return nil, err
		}
		before := len(to)
		if before > empty {
			to = append(to, ',')
		}
		to = append(append(to, quoted...), ':')
		child := f.children[string(jsonscan.Unquoted(quoted, &unescaped))]
		if child != nil && child.within && !child.protected && r.Peek() == '{' {
			if to, err = child.without(to, r); err != nil {
				return nil, err
			}
			continue
		}
		value, err := r.Value()
		if err != nil {
			return nil, err
		}
		if child != nil && (child.protected || child.within) {
			// What stands where an object with personal fields should may be personal itself.
			to = to[:before]
			continue
		}
		to = append(to, value...)
	}
}
