package ui

// Pane is a work package beside the list it is in, with what is needed to act on it.
type Pane struct {
	ID      int64
	Subject string
	Title   SheetCell // edits the subject in its place
	// Href is the page of its own, Close the list alone; Previous and Next walk the list, "" at its ends.
	Href, Close    string
	Previous, Next string
	Fields         []SideField
	Text           SheetCell
	Stream         []ActivityItem // what happened last
	Done           Progress
	HasDone        bool
	// Comment is the field for an answer, nil for who may not; Tells is who is told of it, and Back
	// where to go on after it.
	Comment     *Textarea
	Tells, Back string
}

// Snooze puts what somebody was told of a work package off. A POST to /notifications/marks
// does it; Back is where to go on.
type Snooze struct {
	ID      int64
	Back    string
	Choices []SnoozeChoice
	From    string // the first day that can be chosen
}

// SnoozeChoice is until when: its name in the form, in words, and as an instant.
type SnoozeChoice struct{ Name, Label, At string }
