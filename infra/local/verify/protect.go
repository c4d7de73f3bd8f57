package verify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// What stands in place of personal values, as docs/privacy.md says and as [vendorapi.Protection] does; written down again, in other
// words than the functions', so that these can be found wrong.

// protected returns what the lake should hold for a column's value; nil is null.
func (t *table) protected(c column, value []byte) ([]byte, error) {
	if value == nil {
		return nil, nil
	}
	for _, w := range c.within {
		var err error
		if w.Protection() == vendorapi.ProtectKeep {
			continue
		}
		if value, err = t.protectedWithin(value, strings.Split(w.Path, "."), w); err != nil || value == nil {
			return nil, err
		}
	}
	if c.protect == vendorapi.ProtectKeep {
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

// protectedWithin returns a JSON value with the fields at a path protected; nil where it is to be taken out.
func (t *table) protectedWithin(value []byte, path []string, w vendorapi.Within) ([]byte, error) {
	switch {
	case string(value) == "null":
		return value, nil
	case value[0] == '[':
		var elements, left []json.RawMessage
		if err := json.Unmarshal(value, &elements); err != nil {
			return nil, err
		}
		for _, element := range elements {
			element, err := t.protectedWithin(element, path, w)
			if err != nil {
				return nil, err
			}
			if element != nil {
				left = append(left, element)
			}
		}
		return slices.Concat([]byte("["), bytes.Join(texts(left), []byte(",")), []byte("]")), nil
	case value[0] == '{' && len(path) > 0:
		return t.protectedMember(value, path, w)
	case value[0] == '{' || len(path) > 0 || w.Protection() == vendorapi.ProtectDrop:
		return nil, nil
	}
	text, _ := asText(value)
	text, err := t.protected(column{name: w.Path, personal: w.Personal, protect: w.Protection()}, text)
	if err != nil || text == nil {
		return []byte("null"), err
	}
	return json.Marshal(string(text))
}

// protectedMember is protectedWithin of an object, whose members stay in their order.
func (t *table) protectedMember(object []byte, path []string, w vendorapi.Within) ([]byte, error) {
	var members [][]byte
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	for decoder.More() {
		begin := decoder.InputOffset()
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		quoted := bytes.Trim(object[begin:decoder.InputOffset()], ", \t")
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		if name == path[0] {
			if value, err = t.protectedWithin(value, path[1:], w); err != nil {
				return nil, err
			}
		}
		if value != nil {
			members = append(members, slices.Concat(quoted, []byte(":"), value))
		}
	}
	return slices.Concat([]byte("{"), bytes.Join(members, []byte(",")), []byte("}")), nil
}

func texts(values []json.RawMessage) (all [][]byte) {
	for _, value := range values {
		all = append(all, value)
	}
	return all
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
