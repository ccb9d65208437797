package ui

import "github.com/holdfast/holdfast/internal/message"

// Control is what all form controls share. Error is a sentence for the person who fills the form.
type Control struct {
	Name, Label, Hint, Error     string
	Required, Disabled, ReadOnly bool
	Autofocus                    bool
	Prefix                       string // tells controls of one name apart that stand in one page
}

// ID is the control's identifier in the page.
func (c Control) ID() string { return "f" + c.Prefix + "-" + c.Name }

// DescribedBy names the elements that explain the control; empty when there are none.
func (c Control) DescribedBy() string {
	switch {
	case c.Hint != "" && c.Error != "":
		return c.ID() + "-error " + c.ID() + "-hint"
	case c.Error != "":
		return c.ID() + "-error"
	case c.Hint != "":
		return c.ID() + "-hint"
	}
	return ""
}

// Problem is the control's entry in an ErrorSummary; its Text is empty when nothing is wrong.
func (c Control) Problem() Problem { return Problem{Href: "#" + c.ID(), Label: c.Label, Text: c.Error} }

// Field is a one-line input.
type Field struct {
	Control
	Type         string // "text" when empty
	Value        string
	Autocomplete string
	Placeholder  string
	InputMode    string
	Max          int    // longest value, when above zero
	MaxFile      int64  // the largest file in bytes, when above zero; a script says so before it is sent
	TooLarge     string // what it says then
	Code         bool
	Work         bool // a length of time, read as people write it
	Suggestions  []string
	Accept       string // kinds of files to choose from
}

// Work is a field for a length of time, such as 1h30, 1:30, 90m, 1,5 or 8; what it was understood as is
// shown beside it. Package duration reads it.
func Work(name, label, value string) Field {
	return Field{Control: Control{Name: name, Label: label}, Type: "text", Value: value, Work: true}
}

// Text is a one-line field.
func Text(name, label, value string) Field {
	return Field{Control: Control{Name: name, Label: label}, Type: "text", Value: value}
}

// Password is a field that never shows its value back; autocomplete is "current-password" or "new-password".
func Password(name, label, autocomplete string) Field {
	return Field{Control: Control{Name: name, Label: label}, Type: "password", Autocomplete: autocomplete}
}

// File is a file chooser.
func File(name, label string) Field {
	return Field{Control: Control{Name: name, Label: label}, Type: "file"}
}

// Date is a day, written YYYY-MM-DD.
func Date(name, label, value string) Field {
	return Field{Control: Control{Name: name, Label: label}, Type: "date", Value: value}
}

// DayChoice is a day that is chosen with one key ("days" are offered beside each date field by a script).
// Value says which: "+1" days from today, "monday" the next one, "" none.
type DayChoice struct{ Value, Label, Key string }

func dayChoices(p *message.Printer) []DayChoice {
	return []DayChoice{
		{"+0", p.T("day.today"), p.T("day.today_key")},
		{"+1", p.T("day.tomorrow"), p.T("day.tomorrow_key")},
		{"monday", p.T("day.next_monday"), p.T("day.next_monday_key")},
		{"+7", p.T("day.in_a_week"), p.T("day.in_a_week_key")},
		{"", p.T("day.none"), p.T("day.none_key")},
	}
}

// Kind is the type attribute.
func (f Field) Kind() string { return or(f.Type, "text") }

// Require marks the field as needed.
func (f Field) Require() Field { f.Required = true; return f }

// Hinted adds an explanation under the label.
func (f Field) Hinted(hint string) Field { f.Hint = hint; return f }

// Suggest offers values; others can be typed.
func (f Field) Suggest(values ...string) Field { f.Suggestions = values; return f }

// Wrong puts a message at the field; an empty message changes nothing.
func (f Field) Wrong(message string) Field { f.Error = or(message, f.Error); return f }

// Option is one choice of a Select.
type Option struct {
	Value, Label string
	Selected     bool
}

// Select is a choice from a list. Blank, when not empty, is a first entry without value.
type Select struct {
	Control
	Blank   string
	Options []Option
}

// Choose builds a Select from options, of which the one with this value is selected.
func Choose(name, label, value string, options ...Option) Select {
	s := Select{Control: Control{Name: name, Label: label}}
	for _, o := range options {
		o.Selected = o.Selected || o.Value == value
		s.Options = append(s.Options, o)
	}
	return s
}

// many is how many options one looks through; among more of them one types to find.
const many = 8

// Many reports whether people choose by typing.
func (s Select) Many() bool { return len(s.Options) > many }

// Require marks the choice as needed.
func (s Select) Require() Select { s.Required = true; return s }

// Hinted adds an explanation.
func (s Select) Hinted(hint string) Select { s.Hint = hint; return s }

// Wrong puts a message at the select; an empty message changes nothing.
func (s Select) Wrong(message string) Select { s.Error = or(message, s.Error); return s }

// Textarea is a field of several lines.
type Textarea struct {
	Control
	Value, Placeholder string
	Key                string // that leads into it
	Tall, Code         bool
	Editor             *Editor // of formatted text
}

// Area is a field of several lines.
func Area(name, label, value string) Textarea {
	return Textarea{Control: Control{Name: name, Label: label}, Value: value}
}

// Hinted adds an explanation.
func (t Textarea) Hinted(hint string) Textarea { t.Hint = hint; return t }

// Wrong puts a message at the area; an empty message changes nothing.
func (t Textarea) Wrong(message string) Textarea { t.Error = or(message, t.Error); return t }

// Checkbox is a yes or no. Its form value is "1" when Value is empty. Radio makes it one of a group.
type Checkbox struct {
	Control
	Value          string
	Checked, Radio bool
}

// Check is a yes or no.
func Check(name, label string, checked bool) Checkbox {
	return Checkbox{Control: Control{Name: name, Label: label}, Checked: checked}
}

// ID tells the members of a group apart.
func (c Checkbox) ID() string {
	if c.Value != "" {
		return c.Control.ID() + "-" + c.Value
	}
	return c.Control.ID()
}

// Sent is the value the form carries when the box is ticked.
func (c Checkbox) Sent() string { return or(c.Value, "1") }

// Button is a button or, with Href, a link that looks like one.
type Button struct {
	Label, Href, Icon string
	Name, Value       string // of a submit button, optional
	Look              string // "primary", "danger", "danger-fill", "quiet" or ""
	Form              string // id of a form elsewhere in the page
	Disabled, Wide    bool
	IconOnly          bool   // the label is for those who do not see the icon
	Plain             bool   // type="button": submits nothing
	Key               string // that presses it
	Apart             bool   // a link that opens a window of its own
	Whole             bool   // a link that loads as a whole: a file, or another site
}

// Submit is the main button of a form.
func Submit(label string) Button { return Button{Label: label, Look: "primary"} }

// Link is a link that looks like a button.
func Link(label, href string) Button { return Button{Label: label, Href: href} }

// WithIcon puts an icon before the label.
func (b Button) WithIcon(icon string) Button { b.Icon = icon; return b }

// On names the key that presses the button.
func (b Button) On(key string) Button { b.Key = key; return b }

// As gives the button a look.
func (b Button) As(look string) Button { b.Look = look; return b }

// Class is the class attribute.
func (b Button) Class() string {
	class := "button"
	if b.Look != "" {
		class += " button-" + b.Look
	}
	if b.Wide {
		class += " button-wide"
	}
	if b.IconOnly {
		class += " button-icon"
	}
	return class
}

// Problem is one thing wrong with a form, linked to where it can be mended.
type Problem struct{ Href, Label, Text string }

// ErrorSummary stands on top of a refused form. It shows nothing when there are no problems.
type ErrorSummary struct{ Items []Problem }

// Problems keeps those entries that say something.
func Problems(all ...Problem) ErrorSummary {
	var s ErrorSummary
	for _, p := range all {
		if p.Text != "" {
			s.Items = append(s.Items, p)
		}
	}
	return s
}

// DescribedBy names the elements that explain this member of the group.
func (c Checkbox) DescribedBy() string {
	if c.Radio {
		c.Name += "-" + c.Value
	}
	return c.Control.DescribedBy()
}
