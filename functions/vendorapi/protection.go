package vendorapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// kinds say of each kind of personal data what becomes of it by default, and whether it can be masked.
var kinds = map[Personal]struct {
	usual    Protection
	maskable bool
}{
	PersonalEmail:   {ProtectHash, true},
	PersonalName:    {ProtectMask, true},
	PersonalPhone:   {ProtectDrop, true},
	PersonalIP:      {ProtectMask, true},
	PersonalAddress: {ProtectDrop, false},
	PersonalLink:    {ProtectDrop, false},
	PersonalLogin:   {ProtectHash, false},
}

// protections are those there are, as errors list them.
const protections = "keep, hash, mask or drop"

func (p Protection) known() bool {
	return p == ProtectKeep || p == ProtectHash || p == ProtectMask || p == ProtectDrop
}

// Protection is what becomes of the column on the way to the curated bucket: its own Protect, or the default of its kind, and
// [ProtectKeep] where it is not personal. What the vendor's Protect says is known to a column of [Vendor.Resolved] only; [Parse]
// returns such, and the construct works with it.
func (c *Column) Protection() Protection {
	return protectionOf(c.Personal, c.Protect, nil)
}

// Protection is what becomes of the field, as of a column.
func (w *Within) Protection() Protection { return protectionOf(w.Personal, w.Protect, nil) }

// protectionOf is what becomes of a kind of data: what is said of it, or what the vendor says of the kind, or the kind's default.
func protectionOf(kind Personal, said Protection, vendor map[Personal]Protection) Protection {
	of, ofVendor := vendor[kind]
	switch {
	case kind == "":
		return ProtectKeep
	case said != "":
		return said
	case ofVendor:
		return of
	}
	return kinds[kind].usual
}

// Resolved returns a copy of the description that says of each personal column itself what becomes of it, so that a stream can be
// handed on without its vendor. To resolve it again changes nothing.
func (v *Vendor) Resolved() *Vendor {
	resolved := *v
	resolved.Streams = slices.Clone(v.Streams)
	for i := range resolved.Streams {
		s := &resolved.Streams[i]
		s.Columns = slices.Clone(s.Columns)
		for j := range s.Columns {
			c := &s.Columns[j]
			if c.Personal != "" {
				c.Protect = v.protection(c)
			}
			c.Within = slices.Clone(c.Within)
			for k := range c.Within {
				w := &c.Within[k]
				w.Protect = protectionOf(w.Personal, w.Protect, v.Protect)
			}
		}
	}
	return &resolved
}

// protection is what becomes of a column of the vendor's.
func (v *Vendor) protection(c *Column) Protection {
	return protectionOf(c.Personal, c.Protect, v.Protect)
}

// Hashes reports whether any column of the stream is hashed, or anything within one, so that who makes its rows needs the key of digests.
func (s *Stream) Hashes() bool {
	return slices.ContainsFunc(s.Columns, func(c Column) bool {
		return c.Protection() == ProtectHash || slices.ContainsFunc(c.Within, func(w Within) bool { return w.Protection() == ProtectHash })
	})
}

// NeedsPrivacyKey reports whether digests are made of anything that the vendor tells: of a column that is hashed, or of a person who
// asks to be forgotten, where a stream says whose doing its records tell of (PersonPath).
func (v *Vendor) NeedsPrivacyKey() bool {
	return slices.ContainsFunc(v.Resolved().Streams, func(s Stream) bool { return s.PersonPath != "" || s.Hashes() })
}

func (v *Vendor) checkProtect(f *faults) {
	for _, kind := range slices.Sorted(maps.Keys(v.Protect)) {
		f.under("protect", func() { checkProtection(f, string(kind), kind, v.Protect[kind]) })
	}
}

// checkProtection says what is wrong with a protection of a kind, which stands at field.
func checkProtection(f *faults, field string, kind Personal, protect Protection) {
	k, known := kinds[kind]
	switch {
	case !known:
		f.add(field, string(kind), "there is no such kind of personal data: want %s", kindNames(func(Personal) bool { return true }))
	case !protect.known():
		f.add(field, string(protect), "want %s", protections)
	case protect == ProtectMask && !k.maskable:
		f.add(field, string(protect), "nothing can be left of %s that names nobody: want keep, hash or drop; only %s can be masked",
			kind, kindNames(func(kind Personal) bool { return kinds[kind].maskable }))
	}
}

// kindNames lists those kinds that are wanted.
func kindNames(wanted func(Personal) bool) string {
	var names []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if wanted(kind) {
			names = append(names, string(kind))
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// columnField is where a field of column i stands.
func columnField(i int, name string) string { return fmt.Sprintf("columns[%d].%s", i, name) }

// checkPersonal says what is wrong with what the stream's columns say of persons.
func (v *Vendor) checkPersonal(f *faults, s *Stream) {
	valid := true
	for i := range s.Columns {
		before := len(f.found)
		v.checkColumnProtection(f, columnField(i, ""), &s.Columns[i])
		v.checkWithin(f, columnField(i, ""), &s.Columns[i])
		valid = valid && len(f.found) == before
	}
	v.checkPersonPath(f, s)
	if !valid {
		return
	}
	for i := range s.Columns {
		v.checkUncovered(f, s, i)
	}
	for i, path := range s.Key {
		if at := s.columnAt(path); at >= 0 {
			if protect := v.protection(&s.Columns[at]); protect == ProtectMask || protect == ProtectDrop {
				f.add(columnField(at, "protect"), string(protect), "key[%d] is this column's path, and records are told apart by it: want keep or hash", i)
			}
		}
	}
	for _, ordering := range []struct{ field, path string }{{"timePath", s.TimePath}, {"versionPath", s.VersionPath}, {"zonePath", s.ZonePath}} {
		if at := s.columnAt(ordering.path); at >= 0 && v.protection(&s.Columns[at]) != ProtectKeep {
			f.add(columnField(at, "protect"), string(v.protection(&s.Columns[at])), "%s is this column's path, and views go by what it says: want keep", ordering.field)
		}
	}
}

func (v *Vendor) checkColumnProtection(f *faults, field string, c *Column) {
	_, known := kinds[c.Personal]
	switch {
	case c.Personal == "" && c.Protect != "":
		f.add(field+"protect", string(c.Protect), "only a personal column is protected: want personal with its kind (%s), or leave this out", kindNames(func(Personal) bool { return true }))
		return
	case c.Personal == "":
		return
	case !known:
		checkProtection(f, field+"personal", c.Personal, ProtectKeep)
		return
	case c.Protect != "":
		before := len(f.found)
		if checkProtection(f, field+"protect", c.Personal, c.Protect); len(f.found) > before {
			return
		}
	}
	if protect := v.protection(c); (protect == ProtectHash || protect == ProtectMask) && c.Type != TypeString {
		f.add(field+"protect", string(protect), "what stands in its place is text, and the column is %s: want type %s, or protect keep or drop", c.Type, TypeString)
	}
}

// checkUncovered says where what is protected in column i stands in another column as it came.
func (v *Vendor) checkUncovered(f *faults, s *Stream, i int) {
	c := &s.Columns[i]
	if v.protection(c) == ProtectKeep {
		return
	}
	for j := range s.Columns {
		other := &s.Columns[j]
		protect := v.protection(other)
		switch {
		case i == j:
		case other.path() == c.path() && protect == ProtectKeep:
			f.add(columnField(j, "protect"), string(protect), "columns[%d] has the same path %q and is protected (%s), and this one holds the value as it came: want it personal and protected too", i, c.path(), v.protection(c))
		case strings.HasPrefix(c.path(), other.path()+".") && protect != ProtectDrop && !v.protectsWithin(other, strings.TrimPrefix(c.path(), other.path()+".")):
			f.add(columnField(i, "protect"), string(v.protection(c)), "columns[%d] holds %q as a whole, and this value in it as it came: want it protected there too (within), that column dropped, or columns for those of its fields that are wanted", j, other.path())
		}
	}
}

// protectsWithin reports whether a column protects the field at a path inside of it, or what that is in.
func (v *Vendor) protectsWithin(c *Column, path string) bool {
	return slices.ContainsFunc(c.Within, func(w Within) bool {
		return strings.HasPrefix(path+".", w.Path+".") && protectionOf(w.Personal, w.Protect, v.Protect) != ProtectKeep
	})
}

// checkWithin says what is wrong with the personal fields inside a column. prefix is the path of the column.
func (v *Vendor) checkWithin(f *faults, prefix string, c *Column) {
	if len(c.Within) > 0 && (c.Type != TypeJSON || v.protection(c) == ProtectDrop) {
		f.add(prefix+"within", bare(fmt.Sprintf("%d fields", len(c.Within))), "only a %s column that is kept holds fields: leave them out", TypeJSON)
		return
	}
	for i, w := range c.Within {
		field := fmt.Sprintf("%swithin[%d].", prefix, i)
		protect := protectionOf(w.Personal, w.Protect, v.Protect)
		before := len(f.found)
		// What the vendor says wrongly of the kind is told there.
		if _, known := kinds[w.Personal]; !known {
			checkProtection(f, field+"personal", w.Personal, ProtectKeep)
		} else if w.Protect != "" {
			checkProtection(f, field+"protect", w.Personal, w.Protect)
		}
		if !isFieldPath(w.Path) {
			f.add(field+"path", w.Path, "want names joined by dots")
		}
		if len(f.found) > before {
			continue
		}
		for j, other := range c.Within[:i] {
			if overlap(w.Path, other.Path) {
				f.add(field+"path", w.Path, "within[%d] %q leads through the same value: want one of them", j, other.Path)
			}
		}
		for j, item := range c.Items {
			if item.path() == w.Path && (protect == ProtectHash || protect == ProtectMask) && item.Type != TypeString {
				f.add(fmt.Sprintf("%sitems[%d].type", prefix, j), string(item.Type), "within[%d] puts text in its place: want %s", i, TypeString)
			}
		}
	}
}

func (v *Vendor) checkPersonPath(f *faults, s *Stream) {
	if s.PersonPath == "" {
		return
	}
	at := s.columnAt(s.PersonPath)
	if at < 0 {
		f.add("personPath", s.PersonPath, "no column has this path: want the path of a column whose personal is %s, by which a person's rows are found", PersonalEmail)
		return
	}
	c := &s.Columns[at]
	switch protect := v.protection(c); {
	case c.Personal != PersonalEmail:
		f.add("personPath", s.PersonPath, "column %s has personal %q: want %s, by which a person's rows are found", c.Name, c.Personal, PersonalEmail)
	case protect == ProtectMask || protect == ProtectDrop:
		f.add(columnField(at, "protect"), string(protect), "personPath is this column's path, and a person's rows are found by it: want keep or hash, or no personPath")
	}
}

// columnAt is the place of the first column with the path, -1 where none has it.
func (s *Stream) columnAt(path string) int {
	return slices.IndexFunc(s.Columns, func(c Column) bool { return path != "" && c.path() == path })
}
