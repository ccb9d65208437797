// Package ui is the template layer of the web interface: the layouts, the parts pages are made of,
// and the Renderer that executes them. It knows nothing of services; pages hand it values.
//
// # Writing a page
//
// A page is a template file and a struct that embeds Page. The file begins with the layout it sits in
// and defines "main"; it may also define "actions" (buttons beside the title):
//
//	{{template "layout" .}}
//	{{define "actions"}}{{template "button" (link "Edit" .EditHref).WithIcon "pencil"}}{{end}}
//	{{define "main"}}
//	  {{template "errors" .Problems}}
//	  <form class="form" method="post" action="{{.Action}}">
//	    {{template "field" .Subject}}
//	    {{template "select" .Status}}
//	    <div class="form-actions">{{template "button" (submit "Save")}}</div>
//	  </form>
//	{{end}}
//
// Layouts are "layout" (header, navigation, breadcrumbs, title) and "auth" (one card in the middle).
// The Go side fills the struct and renders by file name without ".html":
//
//	type editPage struct {
//		ui.Page
//		Action, EditHref string
//		Subject          ui.Field
//		Status           ui.Select
//		Problems         ui.ErrorSummary
//	}
//	p := editPage{Page: ui.Page{Title: "Edit", Actor: actor}, Subject: ui.Text("subject", "Subject", in.Subject).Require()}
//	p.Subject = p.Subject.Wrong(messages["subject"]) // "" leaves it as it is
//	p.Problems = ui.Problems(p.Subject.Problem(), p.Status.Problem())
//	renderer.Render(w, http.StatusUnprocessableEntity, "edit", p)
//
// # Parts
//
// Every part takes the struct of the same name: {{template "field" .F}} a Field, and so on for select,
// textarea, checkbox, button, errors (ErrorSummary), sort (Sort, a column head), chip, avatar, person
// (Avatar with its name), alert, pagination, empty (EmptyState), files (FileList), activity
// ([]ActivityItem), progress, tabs, side (SideNav), dl (DescriptionList), facts ([]Fact).
//
// Tables are written out, inside <div class="table-wrap">, as <table class="table table-list">; cells
// use cell-title, cell-id, cell-num, cell-fit, cell-actions and cell-hide (see css/table.css), and
// data-label where the value alone would not explain itself in the list a phone shows.
//
// # Functions
//
// date, datetime and day write <time> elements, in the zone of the value they get; bytes, duration and
// count write numbers for people; markdown and plain render text through package markup; icon and
// asset refer to package assets; status, type, priority, label, person, link, submit build small parts.
package ui
