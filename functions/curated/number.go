package curated

import "math"

// scaled reads a JSON number as an integer number of units of 10^-shift, without ever passing through a
// float. exact is false where digits below the unit were cut off (towards minus infinity), and ok is false
// where text is no JSON number or does not fit.
func scaled(text []byte, shift int) (n int64, exact, ok bool) {
	s := text
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		s = s[1:]
	}
	whole := digits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return 0, false, false
	}
	mantissa, s := s[:whole:whole], s[whole:]
	if len(s) > 0 && s[0] == '.' {
		fraction := digits(s[1:])
		if fraction == 0 {
			return 0, false, false
		}
		mantissa = append(mantissa, s[1:1+fraction]...)
		s = s[1+fraction:]
	}
	exponent := 0
	if len(s) > 0 && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		sign := 1
		if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
			if s[0] == '-' {
				sign = -1
			}
			s = s[1:]
		}
		count := digits(s)
		if count == 0 {
			return 0, false, false
		}
		for _, c := range s[:count] {
			// No mantissa of a record's size brings an exponent beyond this back into range.
			exponent = min(exponent*10+int(c-'0'), 1<<30)
		}
		exponent *= sign
		s = s[count:]
	}
	if len(s) > 0 {
		return 0, false, false
	}

	// point is how many of the mantissa's digits stand before the unit's point.
	point := whole + exponent + shift
	exact = true
	var u uint64
	for i, c := range mantissa {
		if i >= point {
			exact = exact && c == '0'
			continue
		}
		if u > (math.MaxUint64-9)/10 {
			return 0, false, false
		}
		u = u*10 + uint64(c-'0')
	}
	for i := len(mantissa); i < point && u > 0; i++ {
		if u > math.MaxUint64/10 {
			return 0, false, false
		}
		u *= 10
	}
	if negative && !exact {
		u++
	}
	switch {
	case negative && u <= 1<<63:
		return -int64(u), exact, true
	case !negative && u <= math.MaxInt64:
		return int64(u), exact, true
	}
	return 0, false, false
}

// digits counts the decimal digits that s begins with.
func digits(s []byte) int {
	for i, c := range s {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(s)
}
