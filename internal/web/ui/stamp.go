package ui

import "bytes"

// WriterField is the field of forms that says for whom their page was made.
const WriterField = "by"

// WrittenFor is the number of the person that the page is made for; 0 for a visitor.
func (p Page) WrittenFor() int64 {
	if p.Actor == nil {
		return 0
	}
	return p.Actor.ID
}

// stamp writes into every form that changes something for whom its page was made, so that a page that
// stayed open does not act for whoever signed in after. It is done here, for all forms alike: a form
// that forgot the field would not be missed by anybody.
func stamp(page []byte, person int64) []byte {
	field := []byte(`<input type="hidden" name="` + WriterField + `" value="` + decimal(person) + `">`)
	var out bytes.Buffer
	out.Grow(len(page) + 1<<10)
	for {
		at := bytes.Index(page, []byte("<form "))
		if at < 0 {
			break
		}
		end := bytes.IndexByte(page[at:], '>') // within attributes it is escaped
		if end < 0 {
			break
		}
		end += at + 1
		out.Write(page[:end])
		if bytes.Contains(page[at:end], []byte(` method="post"`)) {
			out.Write(field)
		}
		page = page[end:]
	}
	out.Write(page)
	return out.Bytes()
}
