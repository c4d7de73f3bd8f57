package jsonscan

import "bytes"

// maxPlainNames bounds what a strict reader checks by itself: each name of an object is compared with all those before it.
const maxPlainNames = 24

// names are those of the objects that are being read, as far as they are to be compared, those of the outermost object first.
type names struct {
	// stood holds, behind where the names of the object around it begin, the names of each object without their quotes.
	stood []span
	// begin is where the names of the innermost object begin.
	begin int
}

// none returns names of no object.
func (n *names) none() names { return names{stood: n.stood[:0]} }

// enter begins with an object.
func (n *names) enter() {
	n.stood = append(n.stood, span{begin: n.begin})
	n.begin = len(n.stood)
}

// leave goes back to the object around the innermost one.
func (n *names) leave() {
	last := n.begin - 1
	n.begin = n.stood[last].begin
	n.stood = n.stood[:last]
}

// unique reports whether a name, given with its quotes, is none of those of the innermost object, and adds it to them.
func (r *Reader) unique(quoted span) bool {
	name := span{quoted.begin + 1, quoted.end - 1}
	text := r.text[name.begin:name.end]
	others := r.names.stood[r.names.begin:]
	if len(others) == maxPlainNames || bytes.IndexByte(text, '\\') >= 0 {
		return r.ask()
	}
	for _, other := range others {
		if other.end-other.begin == len(text) && string(r.text[other.begin:other.end]) == string(text) {
			r.unexpected(quoted.begin, "each name once in an object")
			return false
		}
	}
	r.names.stood = append(r.names.stood, name)
	return true
}
