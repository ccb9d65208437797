package apiv3

import (
	"errors"
	"net/http"

	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/hal"
)

// codeSignal is the code of the fault of a selection that names what there is none of.
const codeSignal = "invalid_signal"

// unsteady are the names that a document has or lacks with the rights of the
// actor, the kind of the record or the place in a list: a client may select
// them everywhere, and gets them where they are.
var unsteady = []string{
	"nextByOffset", "previousByOffset",
	"startDate", "dueDate", "date", "children", "duration",
	"email", "login", "firstName", "lastName", "admin", "language", "identityUrl", "coreVersion", "members",
	"update", "updateImmediately", "delete", "move", "previewMarkup", "addAttachment", "addComment", "addChild", "changeParent",
	"availableWatchers", "watchers", "addWatcher", "removeWatcher", "watch", "unwatch", "lock", "unlock",
	"createWorkPackage", "createWorkPackageImmediate", "createWorkPackageImmediately",
}

// chosen returns the parts of the document that the select parameter names, the
// whole without one. Only what is read can be selected from.
func chosen(r *http.Request, doc hal.Doc) (hal.Doc, error) {
	if r.Method != http.MethodGet || r.URL.RawQuery == "" {
		return doc, nil
	}
	wanted := r.URL.Query().Get("select")
	if wanted == "" {
		return doc, nil
	}
	s, err := hal.ParseSelection(wanted)
	if err == nil {
		doc, err = s.Select(doc, unsteady...)
	}
	var signal *hal.SignalError
	if errors.As(err, &signal) {
		return nil, &fault.Fault{Kind: fault.KindInvalid, Code: codeSignal, Message: signal.Error()}
	}
	return doc, err
}
