package pricing

import (
	"math"
	"strconv"
	"strings"
)

// factor is a number with the text that stands for it in a line's arithmetic. Both are made in one place, so
// that what is printed is what was multiplied.
type factor struct {
	value float64
	text  string
}

func product(factors []factor) (float64, string) {
	value := 1.0
	texts := make([]string, len(factors))
	for i, f := range factors {
		value *= f.value
		texts[i] = f.text
	}
	return value, strings.Join(texts, " x ")
}

// amount is a number of units, which are named in the plural.
func amount(x float64, units string) factor {
	if x == 1 {
		units = strings.TrimSuffix(units, "s")
	}
	return factor{x, number(x) + " " + units}
}

// price is what one unit costs, told for as many as AWS states it for: "$25 a million".
func price(usd, scale float64, per string) factor {
	text := strconv.FormatFloat(significant(usd*scale), 'f', -1, 64)
	if _, cents, found := strings.Cut(text, "."); found && len(cents) == 1 {
		text += "0"
	}
	return factor{usd, "$" + text + " " + per}
}

func perMillion(usd float64) factor { return price(usd, million, "a million") }
func perHundredThousand(usd float64) factor {
	return price(usd, hundredThousand, "for a hundred thousand")
}
func perTenThousand(usd float64) factor { return price(usd, tenThousand, "for ten thousand") }
func perThousand(usd float64) factor    { return price(usd, thousand, "a thousand") }

// significant takes away what binary fractions add to a decimal price.
func significant(x float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64)
	if err != nil {
		return x
	}
	return rounded
}

// number is x for a person: whole where it is whole or large, otherwise with four digits that matter.
func number(x float64) string {
	if x != 0 && math.Abs(x) < thousand && x != math.Trunc(x) {
		digits := 3 - int(math.Floor(math.Log10(math.Abs(x))))
		return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(x, 'f', digits, 64), "0"), ".")
	}
	text := strconv.FormatFloat(math.Round(x), 'f', 0, 64)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
