package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// What stands in place of personal values, as docs/privacy.md says and as [vendorapi.Protection] does; written down again, in other
// words than the functions', so that these can be found wrong.

// protected returns what the lake should hold for a column's value; nil is null.
func (t *table) protected(c column, value []byte) ([]byte, error) {
	if value == nil || c.protect == vendorapi.ProtectKeep {
		return value, nil
	}
	text := strings.TrimSpace(string(value))
	if text == "" {
		return nil, nil
	}
	switch {
	case c.protect == vendorapi.ProtectHash:
		if len(t.key) == 0 {
			return nil, fmt.Errorf("column %s is hashed, and the check has no key", c.name)
		}
		mac := hmac.New(sha256.New, t.key)
		mac.Write([]byte(strings.ToLower(text)))
		return fmt.Appendf(nil, "%x", mac.Sum(nil)[:16]), nil
	case c.protect == vendorapi.ProtectMask && maskOf[c.personal] != nil:
		if masked := maskOf[c.personal](text); masked != "" {
			return []byte(masked), nil
		}
		return nil, nil
	}
	return nil, fmt.Errorf("column %s: %q of %q is not known here", c.name, c.protect, c.personal)
}

var maskOf = map[vendorapi.Personal]func(string) string{
	vendorapi.PersonalName: initials, vendorapi.PersonalEmail: firstAndHost, vendorapi.PersonalIP: network, vendorapi.PersonalPhone: lastDigits,
}

var letter = regexp.MustCompile(`\p{L}[\p{Mn}\p{Mc}]*`)

func initials(name string) string {
	var found []string
	for _, word := range strings.Fields(name) {
		if first := letter.FindString(word); first != "" && len(found) < 4 {
			found = append(found, first+".")
		}
	}
	return strings.Join(found, " ")
}

var address = regexp.MustCompile(`^(?s)([\p{L}\p{Nd}]?).*@([\p{L}\p{M}\p{Nd}.-]+)$`)

func firstAndHost(email string) string {
	parts := address.FindStringSubmatch(strings.ToLower(email))
	if parts == nil || email[0] == '@' && strings.Count(email, "@") == 1 {
		return "***"
	}
	return parts[1] + "***@" + parts[2]
}

func network(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	address, _, _ = strings.Cut(address, "%")
	ip := net.ParseIP(address)
	switch {
	case ip == nil:
		return ""
	case ip.To4() != nil:
		return (&net.IPNet{IP: ip.Mask(net.CIDRMask(24, 32)), Mask: net.CIDRMask(24, 32)}).String()
	}
	return (&net.IPNet{IP: ip.Mask(net.CIDRMask(48, 128)), Mask: net.CIDRMask(48, 128)}).String()
}

var digit = regexp.MustCompile(`\p{Nd}`)

func lastDigits(number string) string {
	digits := digit.FindAllString(number, -1)
	if len(digits) < 6 {
		return "***"
	}
	return "***" + strings.Join(digits[len(digits)-2:], "")
}

// exposed names the personal fields that a line of quarantine holds as they came.
func (t *table) exposed(line []byte) (paths []string) {
	if len(t.personal) == 0 {
		return nil
	}
	var quarantined struct{ Record json.RawMessage }
	switch err := json.Unmarshal(line, &quarantined); {
	case err != nil:
		return []string{"a line that is no JSON"}
	case len(quarantined.Record) == 0 || quarantined.Record[0] != '{' && string(quarantined.Record) != "null":
		return []string{"a record that is no JSON object"}
	}
	for _, path := range t.personal {
		if raw, ok := lookUp(quarantined.Record, path); ok && string(raw) != "null" {
			paths = append(paths, strings.Join(path, "."))
		}
	}
	return paths
}
