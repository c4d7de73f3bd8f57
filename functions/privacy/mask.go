package privacy

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hidden stands for what a mask takes out.
const hidden = "***"

// mostInitials is how many initials a mask leaves: whoever writes a sentence where a name belongs has no more of it kept.
const mostInitials = 4

// MaskName leaves the initials of a name, each with a period: "A. v. S." of "Anna-Maria von Strahl". A word without a letter is
// left out, and so is what comes behind the fourth. Empty where there is no letter at all.
func MaskName(name string) string {
	var initials []byte
	left := mostInitials
	for word := range strings.FieldsSeq(name) {
		initial := firstLetter(word)
		if initial == "" {
			continue
		}
		if len(initials) > 0 {
			initials = append(initials, ' ')
		}
		initials = append(append(initials, initial...), '.')
		if left--; left == 0 {
			break
		}
	}
	return string(initials)
}

// firstLetter is a word's first letter, with the marks that combine with it.
func firstLetter(word string) string {
	begin := strings.IndexFunc(word, unicode.IsLetter)
	if begin < 0 {
		return ""
	}
	_, size := utf8.DecodeRuneInString(word[begin:])
	end := begin + size
	for {
		r, size := utf8.DecodeRuneInString(word[end:])
		if !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Mc, r) {
			return word[begin:end]
		}
		end += size
	}
}

// MaskEmail leaves the first character and the host of an e-mail address, in lower case: "a***@example.com". Of what is no address
// it leaves nothing but the stars. Empty where there is nothing.
func MaskEmail(address string) string {
	address = Normal(address)
	if address == "" {
		return ""
	}
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || !isHost(address[at+1:]) {
		return hidden
	}
	first, size := utf8.DecodeRuneInString(address)
	if !unicode.IsLetter(first) && !unicode.IsDigit(first) {
		size = 0
	}
	return address[:size] + hidden + address[at:]
}

// isHost says whether text can be the name of a host, in any script.
func isHost(text string) bool {
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '.' && r != '-'
	}
	return text != "" && strings.IndexFunc(text, odd) < 0
}

// Bits of an address's network that a mask leaves: of IPv4 that of 256 addresses, of IPv6 that of a site
// (https://www.rfc-editor.org/rfc/rfc6177), which stands for an organization more than for a person.
const (
	bitsIPv4 = 24
	bitsIPv6 = 48
)

// MaskIP leaves the network of an IP address: "203.0.113.0/24", "2001:db8:7::/48". A port and a zone are left out. Empty where the
// text is no address.
func MaskIP(address string) string {
	address = strings.TrimSpace(address)
	ip, err := netip.ParseAddr(address)
	if err != nil {
		withPort, err := netip.ParseAddrPort(address)
		if err != nil {
			return ""
		}
		ip = withPort.Addr()
	}
	ip = ip.Unmap().WithZone("")
	bits := bitsIPv6
	if ip.Is4() {
		bits = bitsIPv4
	}
	// The bits fit the address, so there is no error.
	network, _ := ip.Prefix(bits)
	return network.String()
}

const (
	// keptDigits is how many digits of a telephone number a mask leaves, leastDigits how many it must have for that: of an
	// extension of three, two would be nearly all.
	keptDigits  = 2
	leastDigits = 6
)

// MaskPhone leaves the last two digits of a telephone number: "***34". Of what has fewer than six digits it leaves nothing but the stars.
// Empty where there is nothing.
func MaskPhone(number string) string {
	if strings.TrimSpace(number) == "" {
		return ""
	}
	var last [keptDigits]rune
	digits := 0
	for _, r := range number {
		if unicode.IsDigit(r) {
			copy(last[:], last[1:])
			last[keptDigits-1] = r
			digits++
		}
	}
	if digits < leastDigits {
		return hidden
	}
	return hidden + string(last[:])
}
