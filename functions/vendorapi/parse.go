package vendorapi

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Parse reads a description from JSON and validates it. A field that it does not know is an error, since a
// description that is only partly understood is not carried out; so is a higher format version. What it returns is
// [Vendor.Resolved].
func Parse(data []byte) (*Vendor, error) {
	var head struct {
		Format int `json:"format"`
	}
	// The version comes first: fields of a later one are no misspellings.
	if err := json.Unmarshal(data, &head); err == nil {
		if err := checkFormat(head.Format); err != nil {
			return nil, err
		}
	}
	var v Vendor
	if err := json.Unmarshal(data, &v, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("vendor description: %w", readable(err))
	}
	if err := v.Validate(); err != nil {
		return nil, err
	}
	return v.Resolved(), nil
}

func checkFormat(format int) error {
	if format < 0 || format > FormatVersion {
		return fmt.Errorf("vendor description: format: %d: want at most %d, the version that this release knows; deploy a newer release, or the description of an older one", format, FormatVersion)
	}
	return nil
}

// readable tells of a JSON error where in the description it is, in the way that Validate does.
func readable(err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		path := fieldPath(semantic.JSONPointer)
		switch {
		case errors.Is(err, json.ErrUnknownName):
			return fmt.Errorf("%s: unknown field: want only fields that vendorapi.Vendor has, spelt as they are", path)
		case semantic.Err != nil:
			return fmt.Errorf("%s: %w", path, semantic.Err)
		case semantic.GoType != nil:
			return fmt.Errorf("%s: want %s, not a JSON %s", path, semantic.GoType, kindName(semantic.JSONKind))
		}
	}
	return err
}

// fieldPath writes a JSON pointer as Validate writes paths: streams[1].paging.size.
func fieldPath(pointer jsontext.Pointer) string {
	var b strings.Builder
	for token := range pointer.Tokens() {
		switch {
		case token != "" && strings.Trim(token, "0123456789") == "":
			b.WriteString("[" + token + "]")
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(token)
		}
	}
	return b.String()
}

// Stream returns the stream of that name. Its error lists the names there are.
func (v *Vendor) Stream(name string) (*Stream, error) {
	var names []string
	for i := range v.Streams {
		if v.Streams[i].Name == name {
			return &v.Streams[i], nil
		}
		names = append(names, v.Streams[i].Name)
	}
	return nil, fmt.Errorf("vendor %s has no stream %q: want one of %s", v.Name, name, strings.Join(names, ", "))
}
