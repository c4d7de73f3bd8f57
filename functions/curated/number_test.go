package curated

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// TestScaledIsExact compares with arithmetic on fractions of any size.
func TestScaledIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		shift := rapid.SampledFrom([]int{0, 3, 6}).Draw(t, "shift")
		exactly, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%s is no number", text)
		}
		exactly.Mul(exactly, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), nil)))
		// Div rounds towards minus infinity for a positive divisor.
		floor := new(big.Int).Div(exactly.Num(), exactly.Denom())

		got, exact, ok := scaled([]byte(text), shift)
		if ok != floor.IsInt64() {
			t.Fatalf("%s: taken: %t, want %t", text, ok, floor.IsInt64())
		}
		if ok && (got != floor.Int64() || exact != exactly.IsInt()) {
			t.Fatalf("%s: got %d (exact: %t), want %s (exact: %t)", text, got, exact, floor, exactly.IsInt())
		}
	})
}

func TestScaledRefuses(t *testing.T) {
	for _, text := range []string{"", "-", "+1", "01", "00", ".5", "1.", "1e", "1e+", "0x1", "1_0", " 1", "1 ", "NaN", "inf", "--1", "1.2.3"} {
		if n, _, ok := scaled([]byte(text), 0); ok {
			t.Errorf("%q is read as %d", text, n)
		}
	}
}
