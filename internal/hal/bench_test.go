package hal_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/hal"
)

var relations = []string{
	"self", "schema", "activities", "attachments", "availableWatchers", "relations", "revisions",
	"watchers", "type", "priority", "project", "status", "author", "responsible", "assignee", "version", "category",
}

var actions = []string{
	"update", "updateImmediately", "delete", "logTime", "move", "copy", "pdf", "addWatcher", "watch",
	"addRelation", "addChild", "changeParent", "addComment", "previewMarkup",
}

// workPackage writes a document like those of a real list: some 4 KB, 35 links.
func workPackage(id int64, at time.Time) *hal.Object {
	o := hal.New("WorkPackage")
	o.Int("id", id)
	o.Int("lockVersion", 3)
	o.Str("subject", "Replace the mooring lines of the \"Anna\" before the storm season")
	o.Formattable("description", hal.Markdown, body, "<p class=\"op-uc-p\">"+body+"</p>")
	o.Bool("scheduleManually", false)
	o.Date("startDate", "2026-11-23")
	o.Date("dueDate", "")
	o.Duration("estimatedTime", 90000)
	o.Null("remainingTime")
	o.Time("createdAt", at)
	o.Time("updatedAt", at)
	for _, rel := range relations {
		o.To(rel, hal.Path{Base: "/api/v3/work_packages/", ID: id}, "Replace the mooring lines")
	}
	for _, rel := range actions {
		o.Action(rel, hal.Path{Base: "/api/v3/work_packages/", ID: id, Tail: "/form"}, "post")
	}
	o.LinkNull("parent")
	o.LinkArray("ancestors", nil)
	o.LinkArray("customActions", nil)
	return o
}

var body = func() string {
	s := ""
	for i := range 8 {
		s += fmt.Sprintf("Line %d of the description, which is *not* short. ", i)
	}
	return s
}()

// BenchmarkList writes 100 work packages and reports the size of the answer.
// The budget is 1 ms.
func BenchmarkList(b *testing.B) {
	hal.Strict(false)
	defer hal.Strict(true)
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		c := hal.NewCollection(hal.TypeWorkPackageCollection)
		for id := range int64(100) {
			c.Add(workPackage(id+1000, at))
		}
		o := c.Page(hal.Paging{Path: "/api/v3/work_packages", Total: 1000, Size: 100, Number: 2})
		b.SetBytes(int64(len(o.Doc())))
	}
}
