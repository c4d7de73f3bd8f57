package privacy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The digests are those of
//
//	printf %s anna@example.com | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
func TestDigest(t *testing.T) {
	key := Key("0123456789abcdef0123456789abcdef")
	for name, test := range map[string]struct{ value, want string }{
		"address":           {"anna@example.com", "b4f91fcf9c0343c2df41d24673fe622d"},
		"other case":        {"Anna@Example.COM", "b4f91fcf9c0343c2df41d24673fe622d"},
		"space around it":   {" \tanna@example.com\n", "b4f91fcf9c0343c2df41d24673fe622d"},
		"another person":    {"anne@example.com", "211db4f63e71b166a8db09b167199372"},
		"beyond ASCII":      {"ÄNNA@example.com", "7555fc3a0b18e9d64e91c9fe0ef1a98f"},
		"beyond it, lower":  {"änna@example.com", "7555fc3a0b18e9d64e91c9fe0ef1a98f"},
		"nothing":           {"", "796cd3078af14636753d26b3b5555422"},
		"space and nothing": {"\u00a0 ", "796cd3078af14636753d26b3b5555422"},
	} {
		t.Run(name, func(t *testing.T) {
			got := key.Digest(test.value)
			if got != test.want {
				t.Errorf("the digest of %q is %s, want %s", test.value, got, test.want)
			}
			if len(got) != DigestLength {
				t.Errorf("it has %d characters, want %d", len(got), DigestLength)
			}
		})
	}
}

func TestDigestsAreThoseOfHMAC(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := Key(rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "key"))
		digester := key.Digester()
		for _, value := range rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.StringMatching(`[ A-Za-zÄß@.]{0,80}`)), 1, 5).Draw(t, "values") {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(Normal(value)))
			want := hex.EncodeToString(mac.Sum(nil))[:DigestLength]
			if got := string(digester.Append([]byte("before "), []byte(value))); got != "before "+want {
				t.Errorf("the digest of %q is %s, want %s behind what was there", value, got, want)
			}
		}
	})
}

func TestDigesterAllocatesNothing(t *testing.T) {
	digester := Key("0123456789abcdef0123456789abcdef").Digester()
	value, to := []byte("Anna.Smith@example.com"), make([]byte, 0, DigestLength)
	digester.Append(to, value)
	if n := testing.AllocsPerRun(100, func() { digester.Append(to, value) }); n > 0 {
		t.Errorf("a digest allocates %v times", n)
	}
}

func TestParseKey(t *testing.T) {
	good := strings.Repeat("aB3!", 16)
	for name, test := range map[string]struct{ text, want string }{
		"generated":     {good, ""},
		"least":         {good[:LeastKeyLength], ""},
		"empty":         {"", "it has 0 characters: want at least 32"},
		"short":         {good[:31], "it has 31 characters: want at least 32"},
		"a line's end":  {good + "\n", "it holds a space, a line's end"},
		"beyond ASCII":  {good + "ä", "it holds a space, a line's end or a character beyond ASCII"},
		"not of a text": {good + "\x00", "it holds a space"},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := ParseKey(test.text)
			switch {
			case test.want == "" && (err != nil || string(key) != test.text):
				t.Errorf("got %d bytes and %v", len(key), err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q in it", err, test.want)
			case err != nil && test.text != "" && strings.Contains(err.Error(), test.text):
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
}

func TestKeyIsNotPrinted(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	key := Key(secret)
	var log bytes.Buffer
	holder := struct{ Key Key }{key}
	slog.New(slog.NewJSONHandler(&log, nil)).Info("a line", "key", key, "holder", holder)
	slog.New(slog.NewTextHandler(&log, nil)).Info("a line", "key", key, "holder", holder)
	marshalled, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{log.String(), string(marshalled)}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		texts = append(texts, fmt.Sprintf(format, key), fmt.Sprintf(format, holder))
	}
	for _, text := range texts {
		for _, form := range []string{secret, hex.EncodeToString(key), base64.StdEncoding.EncodeToString(key), "48 49 50"} {
			if strings.Contains(text, form) {
				t.Errorf("the key stands in %s", text)
			}
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	digester := Key("0123456789abcdef0123456789abcdef").Digester()
	value, to := []byte("anna.smith.of.accounts@wealth-advisors.example.com"), make([]byte, 0, DigestLength)
	b.ReportAllocs()
	for b.Loop() {
		to = digester.Append(to[:0], value)
	}
}
