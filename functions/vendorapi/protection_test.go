package vendorapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// personal is a description of a vendor whose records are about people.
func personal() *Vendor {
	v := simple("https://api.example.com")
	v.AllowPrivate = false
	s := &v.Streams[0]
	s.PersonPath, s.TimePath, s.VersionPath = "who.email", "at", "version"
	s.Key = []string{"id", "login"}
	s.Columns = []Column{
		{Name: "id", Type: TypeInt64},
		{Name: "email", Path: "who.email", Type: TypeString, Personal: PersonalEmail},
		{Name: "name", Type: TypeString, Personal: PersonalName},
		{Name: "phone", Type: TypeInt64, Personal: PersonalPhone},
		{Name: "ip", Type: TypeString, Personal: PersonalIP},
		{Name: "street", Type: TypeString, Personal: PersonalAddress},
		{Name: "link", Type: TypeString, Personal: PersonalLink},
		{Name: "login", Type: TypeString, Personal: PersonalLogin},
		{Name: "title", Type: TypeString},
		{Name: "answers", Type: TypeJSON, Within: []Within{{Path: "by.email", Personal: PersonalEmail}, {Path: "by.name", Personal: PersonalName}}},
		{Name: "at", Type: TypeTimestamp},
		{Name: "version", Type: TypeInt64},
	}
	return v
}

// in is the place of the column of that name in personal.
func in(v *Vendor, name string) *Column {
	for i := range v.Streams[0].Columns {
		if c := &v.Streams[0].Columns[i]; c.Name == name {
			return c
		}
	}
	panic("no column " + name)
}

func TestProtection(t *testing.T) {
	usual := map[string]Protection{
		"email": ProtectHash, "name": ProtectMask, "phone": ProtectDrop, "ip": ProtectMask, "street": ProtectDrop, "link": ProtectDrop,
		"login": ProtectHash, "title": ProtectKeep,
	}
	for name, test := range map[string]struct {
		change func(*Vendor)
		other  map[string]Protection
	}{
		"by default": {func(*Vendor) {}, nil},
		"as the vendor says": {func(v *Vendor) {
			v.Protect = map[Personal]Protection{PersonalEmail: ProtectKeep, PersonalIP: ProtectDrop}
		},
			map[string]Protection{"email": ProtectKeep, "ip": ProtectDrop}},
		"as the column says": {func(v *Vendor) { in(v, "name").Protect = ProtectHash }, map[string]Protection{"name": ProtectHash}},
		"as the column says, the vendor notwithstanding": {func(v *Vendor) {
			v.Protect = map[Personal]Protection{PersonalName: ProtectDrop}
			in(v, "name").Protect = ProtectKeep
		}, map[string]Protection{"name": ProtectKeep}},
	} {
		t.Run(name, func(t *testing.T) {
			v := personal()
			test.change(v)
			if err := v.Validate(); err != nil {
				t.Fatal(err)
			}
			before, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			resolved := v.Resolved()
			for column := range usual {
				want := usual[column]
				if other, differs := test.other[column]; differs {
					want = other
				}
				if got := in(resolved, column).Protection(); got != want {
					t.Errorf("column %s: %s, want %s", column, got, want)
				}
			}
			if in(resolved, "title").Protect != "" {
				t.Error("a column that is not personal is said to be protected")
			}
			if diff := cmp.Diff(resolved, resolved.Resolved()); diff != "" {
				t.Errorf("resolving it again changes it (-once +twice):\n%s", diff)
			}
			if err := resolved.Validate(); err != nil {
				t.Errorf("what is resolved is refused: %v", err)
			}
			if after, _ := json.Marshal(v); string(after) != string(before) {
				t.Error("resolving has changed the description itself")
			}
			read, err := Parse(before)
			if diff := cmp.Diff(resolved, read); err != nil || diff != "" {
				t.Errorf("what is read is not resolved: %v\n%s", err, diff)
			}
		})
	}
}

func TestHashes(t *testing.T) {
	v := personal()
	if !v.Resolved().Streams[0].Hashes() {
		t.Error("by default addresses are hashed")
	}
	v.Protect = map[Personal]Protection{PersonalEmail: ProtectKeep, PersonalLogin: ProtectKeep}
	if v.Resolved().Streams[0].Hashes() {
		t.Error("nothing is hashed any more")
	}
	in(v, "answers").Within[0].Protect = ProtectHash
	if !v.Resolved().Streams[0].Hashes() {
		t.Error("something within a column is hashed")
	}
	if in(v, "answers").Within = nil; v.Resolved().Streams[0].Hashes() {
		t.Error("nothing is hashed any more")
	}
	if !v.NeedsPrivacyKey() {
		t.Error("the stream says whose its records are, who may ask to be forgotten")
	}
	v.Streams[0].PersonPath = ""
	if v.NeedsPrivacyKey() {
		t.Error("there is nothing to make a digest of")
	}
	in(v, "name").Protect = ProtectHash
	if !v.NeedsPrivacyKey() || !v.Resolved().Streams[0].Hashes() {
		t.Error("a name is hashed")
	}
	if simple("https://api.example.com").NeedsPrivacyKey() {
		t.Error("there is nothing personal")
	}
}

func TestValidateProtection(t *testing.T) {
	add := func(v *Vendor, c Column) { v.Streams[0].Columns = append(v.Streams[0].Columns, c) }
	for name, test := range map[string]struct {
		change func(*Vendor)
		want   []string
	}{
		"a kind that is none":              {func(v *Vendor) { in(v, "title").Personal = "shoe-size" }, []string{`streams[0].columns[8].personal: "shoe-size": there is no such kind of personal data: want address, email, ip, link, login, name or phone`}},
		"a kind of the vendor's":           {func(v *Vendor) { v.Protect = map[Personal]Protection{"mail": ProtectDrop} }, []string{`protect.mail: "mail": there is no such kind of personal data`}},
		"a protection that is none":        {func(v *Vendor) { in(v, "name").Protect = "hide" }, []string{`streams[0].columns[2].protect: "hide": want keep, hash, mask or drop`}},
		"a protection of the vendor's":     {func(v *Vendor) { v.Protect = map[Personal]Protection{PersonalName: "hide"} }, []string{`protect.name: "hide": want keep, hash, mask or drop`}},
		"no protection of the vendor's":    {func(v *Vendor) { v.Protect = map[Personal]Protection{PersonalName: ""} }, []string{`protect.name: "": want keep, hash, mask or drop`}},
		"protected without being personal": {func(v *Vendor) { in(v, "title").Protect = ProtectDrop }, []string{`streams[0].columns[8].protect: "drop": only a personal column is protected: want personal with its kind (address, email`}},
		"no mask for it":                   {func(v *Vendor) { in(v, "street").Protect = ProtectMask }, []string{`streams[0].columns[5].protect: "mask": nothing can be left of address that names nobody: want keep, hash or drop; only email, ip, name or phone can be masked`}},
		"no mask for it, of the vendor's":  {func(v *Vendor) { v.Protect = map[Personal]Protection{PersonalLink: ProtectMask} }, []string{`protect.link: "mask": nothing can be left of link`}},
		"a number hashed":                  {func(v *Vendor) { in(v, "phone").Protect = ProtectHash }, []string{`streams[0].columns[3].protect: "hash": what stands in its place is text, and the column is int64: want type string, or protect keep or drop`}},
		"a number masked, by the vendor":   {func(v *Vendor) { v.Protect = map[Personal]Protection{PersonalPhone: ProtectMask} }, []string{`streams[0].columns[3].protect: "mask": what stands in its place is text`}},
		"JSON hashed by default":           {func(v *Vendor) { in(v, "answers").Personal = PersonalEmail }, []string{`streams[0].columns[9].protect: "hash": what stands in its place is text, and the column is json`}},
		"a key dropped":                    {func(v *Vendor) { in(v, "login").Protect = ProtectDrop }, []string{`streams[0].columns[7].protect: "drop": key[1] is this column's path, and records are told apart by it: want keep or hash`}},
		"a key masked": {func(v *Vendor) { v.Streams[0].Key[1] = "ip" },
			[]string{`streams[0].columns[4].protect: "mask": key[1] is this column's path`}},
		"a person dropped":            {func(v *Vendor) { v.Protect = map[Personal]Protection{PersonalEmail: ProtectDrop} }, []string{`streams[0].columns[1].protect: "drop": personPath is this column's path, and a person's rows are found by it: want keep or hash, or no personPath`}},
		"a person masked":             {func(v *Vendor) { in(v, "email").Protect = ProtectMask }, []string{`streams[0].columns[1].protect: "mask": personPath is`}},
		"a person that no column has": {func(v *Vendor) { v.Streams[0].PersonPath = "who.mail" }, []string{`streams[0].personPath: "who.mail": no column has this path: want the path of a column whose personal is email`}},
		"a person by name":            {func(v *Vendor) { v.Streams[0].PersonPath = "name" }, []string{`streams[0].personPath: "name": column name has personal "name": want email`}},
		"a person by a title":         {func(v *Vendor) { v.Streams[0].PersonPath = "title" }, []string{`streams[0].personPath: "title": column title has personal "": want email`}},
		"a window time":               {func(v *Vendor) { in(v, "at").Personal = PersonalAddress }, []string{`streams[0].columns[10].protect: "drop": timePath is this column's path, and views go by what it says: want keep`}},
		"a version":                   {func(v *Vendor) { in(v, "version").Personal = PersonalAddress }, []string{`streams[0].columns[11].protect: "drop": versionPath is this column's path`}},
		"a kind within JSON":          {func(v *Vendor) { in(v, "answers").Within[0].Personal = "" }, []string{`streams[0].columns[9].within[0].personal: "": there is no such kind of personal data`}},
		"a mask within JSON":          {func(v *Vendor) { in(v, "answers").Within[0] = Within{"to", PersonalLink, ProtectMask} }, []string{`streams[0].columns[9].within[0].protect: "mask": nothing can be left of link`}},
		"a path within JSON":          {func(v *Vendor) { in(v, "answers").Within[0].Path = "" }, []string{`streams[0].columns[9].within[0].path: "": want names joined by dots`}},
		"one through another":         {func(v *Vendor) { in(v, "answers").Within[1].Path = "by" }, []string{`streams[0].columns[9].within[1].path: "by": within[0] "by.email" leads through the same value`}},
		"within a text":               {func(v *Vendor) { in(v, "title").Within = in(v, "answers").Within }, []string{`streams[0].columns[8].within: 2 fields: only a json column that is kept holds fields`}},
		"within what is dropped":      {func(v *Vendor) { in(v, "answers").Personal, in(v, "answers").Protect = PersonalName, ProtectDrop }, []string{`streams[0].columns[9].within: 2 fields: only a json column that is kept holds fields`}},
		"a personal item": {func(v *Vendor) {
			in(v, "answers").Items = []Column{{Name: "who", Type: TypeString, Personal: PersonalName}}
		}, []string{`streams[0].columns[9].items[0].personal: "name": an item is read from what is stored: want it in within`}},
		"an item that is hashed":    {func(v *Vendor) { in(v, "answers").Items = []Column{{Name: "who", Path: "by.email", Type: TypeInt64}} }, []string{`streams[0].columns[9].items[0].type: "int64": within[0] puts text in its place: want string`}},
		"kept beside its digest":    {func(v *Vendor) { add(v, Column{Name: "mail", Path: "who.email", Type: TypeString}) }, []string{`streams[0].columns[12].protect: "keep": columns[1] has the same path "who.email" and is protected (hash), and this one holds the value as it came`}},
		"in an object that is kept": {func(v *Vendor) { add(v, Column{Name: "who", Type: TypeJSON}) }, []string{`streams[0].columns[1].protect: "hash": columns[12] holds "who" as a whole, and this value in it as it came`}},
	} {
		t.Run(name, func(t *testing.T) {
			v := personal()
			test.change(v)
			err := v.Validate()
			if err == nil {
				t.Fatal("no fault was found")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %s\ngot %v", want, err)
				}
			}
			if faults := strings.Count(err.Error(), "\n"); faults != len(test.want) {
				t.Errorf("%d faults, want %d: %v", faults, len(test.want), err)
			}
		})
	}
}

func TestProtectionThatIsAllowed(t *testing.T) {
	add := func(v *Vendor, c Column) { v.Streams[0].Columns = append(v.Streams[0].Columns, c) }
	for name, change := range map[string]func(*Vendor){
		"a mask beside a digest": func(v *Vendor) {
			add(v, Column{Name: "host", Path: "who.email", Type: TypeString, Personal: PersonalEmail, Protect: ProtectMask})
		},
		"the value beside a value": func(v *Vendor) {
			in(v, "email").Protect = ProtectKeep
			add(v, Column{Name: "mail", Path: "who.email", Type: TypeString})
		},
		"an object that is dropped": func(v *Vendor) { add(v, Column{Name: "who", Type: TypeJSON, Personal: PersonalAddress}) },
		"an object with nothing to protect": func(v *Vendor) {
			add(v, Column{Name: "what", Type: TypeJSON})
			add(v, Column{Name: "what_size", Path: "what.size", Type: TypeInt64})
		},
		"JSON that is kept":   func(v *Vendor) { in(v, "answers").Personal, in(v, "answers").Protect = PersonalName, ProtectKeep },
		"a time that is kept": func(v *Vendor) { in(v, "at").Personal, in(v, "at").Protect = PersonalAddress, ProtectKeep },
		"no person at all":    func(v *Vendor) { v.Streams[0].PersonPath = ""; in(v, "email").Protect = ProtectDrop },
		"an object that protects it too": func(v *Vendor) {
			add(v, Column{Name: "who", Type: TypeJSON, Within: []Within{{Path: "email", Personal: PersonalEmail, Protect: ProtectDrop}}})
		},
		"a name that begins alike": func(v *Vendor) { add(v, Column{Name: "who_else", Path: "wh", Type: TypeJSON}) },
	} {
		t.Run(name, func(t *testing.T) {
			v := personal()
			change(v)
			if err := v.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}
