package privacy

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

var masks = map[string]func(string) string{"name": MaskName, "email": MaskEmail, "ip": MaskIP, "phone": MaskPhone}

func TestMasks(t *testing.T) {
	for name, test := range map[string]struct{ mask, value, want string }{
		"a name":                       {"name", "Anna Smith", "A. S."},
		"a given name":                 {"name", "Anna", "A."},
		"one letter":                   {"name", "Ö", "Ö."},
		"lower case":                   {"name", "anna de la cruz", "a. d. l. c."},
		"a hyphen":                     {"name", "Anna-Maria von Strahl", "A. v. S."},
		"space":                        {"name", "  Anna\t\u00a0Smith\n", "A. S."},
		"quotes and brackets":          {"name", `"Anna" (Acme)`, "A. A."},
		"a number in it":               {"name", "Anna 2 Smith", "A. S."},
		"a number before a letter":     {"name", "3rd", "r."},
		"a sentence":                   {"name", "I do not want to tell my name", "I. d. n. w."},
		"an address as a name":         {"name", "anna.smith@example.com", "a."},
		"Chinese":                      {"name", "王小明", "王."},
		"Arabic":                       {"name", "فاطمة الزهراء", "ف. ا."},
		"a mark of its own":            {"name", "E\u0301milie Zola", "E\u0301. Z."},
		"a vowel sign":                 {"name", "कि शोर", "कि. श\u094b."},
		"beyond the first plane":       {"name", "𐐀nna", "𐐀."},
		"no letter":                    {"name", "1234 😀", ""},
		"nothing as a name":            {"name", "", ""},
		"no UTF-8":                     {"name", "\xff\xfeAnna", "A."},
		"an address":                   {"email", "anna.smith@example.com", "a***@example.com"},
		"an address of one letter":     {"email", "a@example.com", "a***@example.com"},
		"case and space":               {"email", " Anna@Example.COM ", "a***@example.com"},
		"a tag":                        {"email", "anna+webinars@example.com", "a***@example.com"},
		"a quoted part":                {"email", `"anna@home"@example.com`, "***@example.com"},
		"a script of its own":          {"email", "анна@пример.рф", "а***@пример.рф"},
		"a name before the address":    {"email", "Anna Smith <anna@example.com>", "***"},
		"two addresses":                {"email", "anna@example.com, bob@example.com", "a***@example.com"},
		"no host":                      {"email", "anna@", "***"},
		"nobody":                       {"email", "@example.com", "***"},
		"no address":                   {"email", "anna smith", "***"},
		"nothing as an address":        {"email", " ", ""},
		"IPv4":                         {"ip", "203.0.113.77", "203.0.113.0/24"},
		"IPv4 with a port":             {"ip", "203.0.113.77:443", "203.0.113.0/24"},
		"IPv4 with space":              {"ip", " 203.0.113.77\n", "203.0.113.0/24"},
		"IPv6":                         {"ip", "2001:db8:7:1:2:3:4:5", "2001:db8:7::/48"},
		"IPv6 with a port":             {"ip", "[2001:db8:7:1::5]:443", "2001:db8:7::/48"},
		"IPv6 with a zone":             {"ip", "fe80::1%eth0", "fe80::/48"},
		"IPv4 within IPv6":             {"ip", "::ffff:203.0.113.77", "203.0.113.0/24"},
		"several addresses":            {"ip", "203.0.113.77, 198.51.100.2", ""},
		"a network already":            {"ip", "203.0.113.0/24", ""},
		"no IP address":                {"ip", "anna", ""},
		"a number too large":           {"ip", "203.0.113.777", ""},
		"nothing as an IP address":     {"ip", "", ""},
		"a number":                     {"phone", "+49 (170) 1234-567", "***67"},
		"an extension":                 {"phone", "555-1234 ext. 89", "***89"},
		"digits of another script":     {"phone", "٠١٢٣٤٥٦٧", "***٦٧"},
		"an extension alone":           {"phone", "12345", "***"},
		"no number":                    {"phone", "n/a", "***"},
		"nothing as a number":          {"phone", "  ", ""},
		"an address where a number is": {"phone", "anna@example.com", "***"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := masks[test.mask](test.value); got != test.want {
				t.Errorf("the %s %q is masked as %q, want %q", test.mask, test.value, got, test.want)
			}
		})
	}
}

// Whatever is masked, what is left is short but for a host, text where the value was, and no longer than what it was made of allows.
func TestMasksLeaveLittle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z .+0-9]{0,30}(@[a-z.]{0,10})?`)).Draw(t, "value")
		for kind, mask := range masks {
			left := mask(value)
			if utf8.ValidString(value) && !utf8.ValidString(left) {
				t.Errorf("the %s %q is masked as %q, which is no text", kind, value, left)
			}
			if kind == "email" {
				left, _, _ = strings.Cut(left, "@")
			}
			letters := 0
			for _, r := range left {
				if !strings.ContainsRune("*. ", r) {
					letters++
				}
			}
			if most := map[string]int{"name": 4, "email": 1, "ip": 20, "phone": 2}[kind]; letters > most && !strings.ContainsFunc(value, combines) {
				t.Errorf("the %s %q is masked as %q: %d letters are left, want at most %d", kind, value, left, letters, most)
			}
		}
	})
}

// combines says whether a character is a mark, of which a letter may have any number.
func combines(r rune) bool { return unicode.IsMark(r) }
