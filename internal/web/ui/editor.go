package ui

// Editor is what an area for formatted text offers beside typing: marks by button and key, a look at
// the text as it will be shown, people and work packages to pick, files to paste, and drafts that
// the browser keeps. Without scripts it is an area, and PreviewButton shows the text in a window of its own.
type Editor struct {
	Person   int64  // whose drafts the browser keeps
	People   string // address that finds whom the text can mention; "" when nobody
	Packages string // address that finds work packages
	Files    string // address that takes files; "" when there can be none
	MaxFile  int64  // the largest file in bytes
	MaxSize  string // the same for people
	Waits    bool   // files go with the form, because what they belong to does not exist yet
}

// With makes the area one for formatted text.
func (t Textarea) With(e Editor) Textarea { t.Editor = &e; return t }

// PreviewButton shows the areas called so as they will be shown; it stands behind the main button of
// their form, and nobody sees it who has the tabs of the editor.
type PreviewButton struct{ Names string }
