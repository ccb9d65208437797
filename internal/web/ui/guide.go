package ui

import (
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/message"
)

// The guide is every part in every state, and the shapes of the main pages, with sample data. Tests
// execute it, screenshots of it are how the design is looked at, and a server in development shows it.

//go:embed guide/*.html
var guide embed.FS

// NewGuide is a renderer of the pages of the guide.
func NewGuide() (*Renderer, error) {
	pages, err := fs.Sub(guide, "guide")
	if err != nil {
		return nil, err
	}
	return New(pages)
}

const sampleText = `# Release plan

The **2.4 release** goes out on Friday. @ana.kovac checks #42 and the ~~old~~ new installer, see https://example.org/plan.

- [x] freeze the branch
- [ ] run the restore drill twice

| Engine | Rows | Time |
|---|--:|--:|
| SQLite | 100 000 | 4.1 s |
| PostgreSQL | 100 000 | 5.6 s |

> Nothing ships before a backup has been restored.

` + "```sh\nholdfast backup create -o friday.zip\n```\n"

var at = time.Date(2026, 11, 23, 9, 41, 0, 0, time.UTC)

func people() []Avatar {
	var out []Avatar
	for i, n := range []string{"Ana Kovač", "Bo Lindqvist", "Chidi Okafor", "Dina", "Émile de la Tour", "Farah Aziz", "Gus Weber", "Hana Sato"} {
		out = append(out, Avatar{Person: Person{ID: int64(i), Name: n, Href: "#"}})
	}
	return out
}

func frame(title, section string) Page {
	ana := people()[0].Person
	ana.Detail = "ana@example.org"
	p := Page{
		Title: title, Actor: &ana, LogoutHref: "/logout",
		ActorMenu: []NavItem{{Label: "My account", Href: "#", Icon: "circle-user"}, {Label: "Access tokens", Href: "#", Icon: "key-round"}},
		Create:    []NavItem{{Label: "New work package", Href: "#", Icon: "list-checks", Key: "c"}, {Label: "New project", Href: "#", Icon: "folder"}}, Searchable: true,
		Ongoing:     &Ongoing{Label: "Dredging permit", Value: "1:23", Href: "#", Stop: "#"},
		Breadcrumbs: []Crumb{{"Home", "#"}, {"Demo project", "#"}, {title, ""}},
		Footer:      []NavItem{{Label: "Holdfast 0.1"}, {Label: "API", Href: "#"}, {Label: "Help", Href: "#"}},
	}
	for _, n := range []NavItem{{Label: "Home", Icon: "house"}, {Label: "Projects", Icon: "folder"}, {Label: "Work packages", Icon: "list-checks"}, {Label: "Administration", Icon: "settings"}} {
		n.Href, n.Current = "#", n.Label == section
		p.Nav = append(p.Nav, n)
	}
	return p
}

func adminSide(current string) SideNav {
	side := SideNav{Title: "Administration", Groups: []NavGroup{
		{"", []NavItem{{Label: "Users", Icon: "users"}, {Label: "Mail", Icon: "mail"}}},
		{"Operation", []NavItem{{Label: "Backup", Icon: "archive"}, {Label: "Jobs", Icon: "refresh-cw", Count: 2}, {Label: "Audit log", Icon: "scroll-text"}}},
	}}
	for _, g := range side.Groups {
		for i := range g.Items {
			g.Items[i].Href, g.Items[i].Current = "#", g.Items[i].Label == current
		}
	}
	return side
}

type tile struct{ Title, Text string }

type componentsPage struct {
	Page
	Alerts                              []Alert
	Tabs                                Tabs
	Buttons                             []Button
	Statuses, Types, Priorities, Labels []Chip
	People                              []Avatar
	Problems                            ErrorSummary
	Fields                              []Field
	Selects                             []Select
	Area                                Textarea
	Checks                              []Checkbox
	Facts                               []Fact
	Progress                            []Progress
	Order                               Order
	Tiles                               []tile
	Files                               FileList
	Nothing                             EmptyState
	Projects                            []ProjectRow
	Packages                            []PackageRow
	Hits                                []HitGroup
	Keys                                []KeyGroup
	Cell                                Cell
	Beside                              []SideField
	Prose                               Cell
	Text                                string
	At                                  time.Time
	Took                                time.Duration
}

func components() componentsPage {
	p := componentsPage{Page: frame("Components", "Projects"), Text: sampleText, At: at, Took: 83 * time.Second, People: people(), Files: files()}
	p.Lead = "Every part in every state. What is not here does not exist."
	for _, t := range []Tone{Info, Success, Warning, Danger} {
		p.Alerts = append(p.Alerts, Alert{Tone: t, Text: "A sentence that says what happened to whom, and what comes next."})
	}
	p.Alerts[2].Title, p.Alerts[2].Actions = "Mail is not configured", []Button{Link("Set up mail", "#")}
	p.Tabs = Tabs{"Views", []NavItem{{Label: "Overview", Href: "#", Current: true}, {Label: "Files", Href: "#", Count: 3}, {Label: "Activity", Href: "#", Count: 1284}}}
	p.Buttons = []Button{
		Submit("Primary"), Link("Secondary", "#"), Link("With icon", "#").WithIcon("plus"), Link("Quiet", "#").As("quiet"), Link("Danger", "#").As("danger").WithIcon("trash-2"),
		Link("Delete for good", "#").As("danger-fill"),
		{Label: "Disabled", Disabled: true},
		{Label: "More", Icon: "ellipsis", IconOnly: true, Plain: true},
	}
	for _, h := range []Hue{Gray, Blue, Teal, Green, Yellow, Orange, Red, Purple, Pink} {
		p.Statuses = append(p.Statuses, Status("In progress", h))
		p.Types = append(p.Types, Type("FEATURE", h))
		p.Labels = append(p.Labels, Label(string(h), h))
	}
	p.Priorities = []Chip{Priority("Low", -1), Priority("Normal", 0), Priority("High", 1), Priority("Immediate", 2)}
	p.Projects = []ProjectRow{{Name: "Harbour renewal", Href: "#", Status: "On track", Hue: Green}, {Name: "North quay", Href: "#", Depth: 1, Public: true}}
	p.Cell = Cell{Label: "Status", Edit: "#", Frame: "cell-12-status", Chip: &p.Statuses[2]}
	p.Beside = []SideField{{Label: "Status", Cell: Cell{Label: "Status", Edit: "#", Frame: "side-12-status", Chip: &p.Statuses[2]}}, {Label: "Parent", Cell: Cell{}}}
	p.Prose = Cell{Label: "Description", Edit: "#", Frame: "side-12-description", Text: "A **description** of the thing."}
	p.Packages = []PackageRow{{ID: 12, Href: "#", Subject: "Drive the piles", Type: p.Types[1], Status: p.Statuses[2], Priority: Priority("High", 1), Assignee: &Person{ID: 3, Name: "Ana Kovač"}, Due: "2026-11-23"}}
	open := p.Statuses[1]
	p.Hits = []HitGroup{
		{Title: "Work packages", Total: 31, More: "#", Hits: []Hit{
			{ID: 1, Label: "Replace fenders on the north quay", Number: "#1284", Detail: "Harbour renewal", Href: "#", Icon: "list-checks", Chip: &open},
			{ID: 2, Label: "Survey of the sea wall, second pass, with divers and the drone of the university", Number: "#1282", Detail: "North quay", Href: "#", Icon: "list-checks", Chip: &open},
		}},
		{Title: "Pages", Total: 1, Hits: []Hit{{ID: 3, Label: "Projects", Href: "#", Icon: "folder", Key: "g p"}}},
	}
	p.Keys = []KeyGroup{{Title: "Everywhere", Keys: []KeyHelp{{Keys: "Ctrl K", Does: "Go to or create anything"}, {Keys: "g p", Does: "Go to the projects"}}}}
	p.Toasts = []Toast{{Text: "Saved.", Action: "#", Label: "Undo"}}
	p.formParts()
	p.Facts = backupFacts()
	p.Progress = []Progress{{Label: "Writing files", Value: 62, Note: "412 MiB of 664 MiB, 48 MiB/s, about 5 s left"}, {Label: "Done", Value: 100, State: "done"}, {Label: "Stopped", Value: 31, State: "bad", Note: "The disk is full."}, {Label: "Waiting", Value: -1}}
	p.Order = Order{Href: "#", UpLabel: "Move Task up", DownLabel: "Move Task down", Up: 1, Down: 3}
	for i := range 3 {
		p.Tiles = append(p.Tiles, tile{fmt.Sprintf("Harbour renewal %d", i+1), "Replace the north quay, keep the ferry running, and finish before the season starts."})
	}
	p.Nothing = EmptyState{"inbox", "No work packages yet", "Work packages are tasks, features and bugs with a status and somebody who does them.", "“Replace the fenders”, a task for Bo until Friday.", []Button{Submit("Create one"), Link("Import", "#")}}
	return p
}

func (p *componentsPage) formParts() {
	subject := Text("subject", "Subject", "").Require().Wrong("Write a subject.")
	mail := Text("mail", "E-mail", "ana@example").Hinted("Used for notices only.").Wrong("This is not an address.")
	locked := Text("login", "Login", "ana")
	locked.Disabled = true
	key := Text("key", "Key", "hf-0f3a9c")
	key.ReadOnly, key.Code = true, true
	secret := Password("password", "Password", "current-password").Hinted("At least ten characters.").Require()
	p.Fields = []Field{subject, mail, locked, key, secret, File("file", "Attachment"), Date("start", "Start", "2026-11-23"), Work("work", "Work", "1h30").Hinted("Such as 1h30, 1:30 or 90m."), Text("zone", "Time zone", "").Suggest("Europe/Berlin", "Europe/Paris")}
	p.Problems = Problems(subject.Problem(), mail.Problem(), locked.Problem())
	options := []Option{{Value: "1", Label: "New"}, {Value: "2", Label: "In progress"}}
	p.Selects = []Select{Choose("status", "Status", "2", options...).Hinted("Only what may follow."), Choose("assignee", "Assignee", "", options...).Require().Wrong("Choose somebody."), {Control: Control{Name: "type", Label: "Type"}, Blank: "Any"}}
	many := Choose("version", "Version", "3")
	for i := range 12 {
		many.Options = append(many.Options, Option{Value: fmt.Sprint(i), Label: fmt.Sprintf("Release 2.%d", i), Selected: i == 3})
	}
	p.Selects = append(p.Selects, many.Hinted("With many options one types to find."))
	p.Area = Area("note", "Note", "First line\nsecond <line>").Hinted("CommonMark. @ names people, # work packages.").With(Editor{Files: "#", MaxFile: 5 << 20, MaxSize: "5 MiB"})
	p.Checks = []Checkbox{Check("mailme", "Send me a mail", true), Check("all", "Send everybody a mail", false), {Control: Control{Name: "scope", Label: "Only mine", Hint: "What I wrote or watch."}, Radio: true, Value: "mine", Checked: true}, {Control: Control{Name: "scope", Label: "Everything"}, Radio: true, Value: "all"}}
	p.Checks[1].Error = "Not allowed here."
}

func files() FileList {
	return FileList{Items: []FileItem{
		{Name: "plan-2026.pdf", Href: "#", DeleteHref: "#", ContentType: "application/pdf", Size: 1_482_113, Author: "Ana Kovač", At: at},
		{Name: "a very long file name that somebody chose because it says everything there is to say.png", Href: "#", ContentType: "image/png", Size: 83_211, Author: "Bo Lindqvist", At: at, Shown: true},
		{Name: "export.zip", Href: "#", ContentType: "application/zip", Size: 734_003_200},
	}}
}

func backupFacts() []Fact {
	return []Fact{{"Last backup", "2 hours ago", "664 MiB, everything included", "", Success}, {"Last verified", "2 hours ago", "1 204 files, 48 tables", "", Success}, {"Last restored as a test", "Never", "Run a drill to be sure", "", Danger}, {"Free space", "18.4 GiB", "room for 28 more", "", ""}}
}

type listRow struct {
	ID                     int
	Type, Status, Priority Chip
	Subject, Due           string
	Who                    Avatar
	Done                   Progress
}

type listPage struct {
	Page
	Tabs    Tabs
	Query   Field
	Selects []Select
	Heads   []Sort
	Rows    []listRow
	Paging  Pagination
	Beside  Pane
	Later   Snooze
}

func listing() listPage {
	p := listPage{Page: frame("Work packages", "Work packages"), Tabs: Tabs{"Views", []NavItem{{Label: "Open", Href: "#", Current: true, Count: 84}, {Label: "Mine", Href: "#", Count: 12}, {Label: "Overdue", Href: "#", Count: 3}}}}
	p.Query = Text("q", "Search", "")
	p.Selects = []Select{{Control: Control{Name: "s", Label: "Status"}, Blank: "Open"}, {Control: Control{Name: "a", Label: "Assignee"}, Blank: "Anybody"}}
	p.Heads = []Sort{{"ID", "#", "descending", "cell-id"}, {"Type", "#", "", ""}, {"Subject", "#", "", ""}, {"Status", "#", "", ""}, {"Priority", "#", "", ""}, {"Assignee", "#", "", ""}, {"Progress", "", "", ""}, {"Due", "#", "", "cell-num"}}
	subjects := []string{"Replace fenders on the north quay", "Ferry ticket machine rejects foreign cards", "Announce the winter timetable", "Survey of the sea wall, second pass, with divers and the drone of the university", "Harbour office: new lighting", "Update evacuation plan", "Dredging permit", "Pump 3 vibrates above 1200 rpm"}
	states := []Chip{Status("New", Gray), Status("In progress", Blue), Status("In review", Purple), Status("Blocked", Red), Status("Closed", Green)}
	types := []Chip{Type("Task", Blue), Type("Bug", Red), Type("Feature", Purple), Type("Milestone", Green)}
	for i := range 18 {
		p.Rows = append(p.Rows, listRow{1284 - i*3, types[i%4], states[i*2%5], Priority([]string{"Normal", "High", "Low", "Immediate"}[i%4], []int{0, 1, -1, 2}[i%4]), subjects[i%8], at.AddDate(0, 0, i*3-9).Format(time.DateOnly), people()[i%8], Progress{Label: "Progress", Value: int64(i * 17 % 101), Small: true}})
	}
	p.Paging = Pagination{Page: 4, PerPage: 18, Total: 164, Href: func(n int) string { return fmt.Sprintf("?page=%d", n) }}
	p.Beside = Pane{ID: 1284, Subject: "Replace fenders on the north quay", Href: "#", Close: "#", Previous: "#", Next: "#", Text: SheetCell{Cell: Cell{Text: "The piles are ordered."}}, Fields: []SideField{{"Status", Cell{Chip: &Chip{Label: "In progress", Hue: Blue}}}, {"Version", Cell{Text: "Release 2.1"}}}}
	p.Later = Snooze{ID: 1284, Back: "#", From: "2026-11-24", Choices: []SnoozeChoice{{"later", "In three hours", "Mon 23 Nov 2026, 12:00"}, {"tomorrow", "Tomorrow", "Tue 24 Nov 2026, 09:00"}}}
	return p
}

type packagePage struct {
	Page
	Marks   []Chip
	At      time.Time
	Text    string
	Files   FileList
	Stream  []ActivityItem
	Comment Textarea
	Details DescriptionList
	Done    Progress
}

func workPackage() packagePage {
	p := packagePage{Page: frame("Replace fenders on the north quay", "Work packages"), At: at, Text: sampleText, Files: files(), Comment: Area("comment", "Comment", ""), Done: Progress{Label: "Progress", Value: 40}}
	p.Flash = []Alert{{Tone: Success, Text: "Changed status to In progress."}}
	p.Breadcrumbs[2].Label = "#1284"
	p.Marks = []Chip{Type("Task", Blue), Status("In progress", Blue), Priority("High", 1)}
	who := people()
	p.Stream = []ActivityItem{
		{Anchor: "activity-1", Author: who[0].Person, At: at, Verb: "created this"},
		{Anchor: "activity-2", Author: who[1].Person, At: at.Add(time.Hour), Comment: markup.Render("The supplier needs **six weeks**. @ana.kovac, can we live with that? See #1281."), EditHref: "#", QuoteHref: "#", Undo: "#", Changes: []Change{{Label: "Due", From: "1 Dec 2026", To: "8 Jan 2027"}, {Label: "Description", Text: Compare("Order the glass.\nSix weeks.", "Order the glass.\nEight weeks.")}}},
		{Anchor: "activity-3", Author: who[2].Person, At: at.Add(2 * time.Hour), Verb: "changed", Changes: []Change{{Label: "Status", From: "New", To: "In progress"}, {Label: "Assignee", To: "Chidi Okafor"}, {Label: "Parent", From: "#12"}}},
	}
	p.Details = DescriptionList{[]Description{{"Assignee", "Chidi Okafor"}, {"Responsible", ""}, {"Start", Day(message.In(), "2026-11-23")}, {"Due", Day(message.In(), "2027-01-08")}, {"Estimated", "24 h"}, {"Parent", nil}, {"Category", "Quays"}}}
	return p
}

type backupRow struct {
	At            time.Time
	Who, Included string
	State         Chip
	Size          int64
	Took          time.Duration
}

type backupPage struct {
	Page
	Alerts   []Alert
	Facts    []Fact
	Running  Chip
	Progress Progress
	Rows     []backupRow
	Password Field
}

func backups() backupPage {
	p := backupPage{Page: frame("Backup", "Administration"), Facts: backupFacts(), Running: Status("Running", Blue), Password: Password("_password_confirmation", "Your password", "current-password").Require()}
	p.Side, p.Lead = adminSide("Backup"), "A backup is one ZIP file with every row and every file, readable without Holdfast."
	p.Breadcrumbs = []Crumb{{"Administration", "#"}, {"Backup", ""}}
	p.Alerts = []Alert{{Tone: Warning, Title: "Never restored as a test", Text: "A backup nobody has restored is a hope. Run a drill; it does not touch your data.", Actions: []Button{Link("Run a drill", "#")}}}
	p.Progress = components().Progress[0]
	for i, s := range []Chip{Status("Verified", Green), Status("Incomplete", Orange), Status("Failed", Red), Status("Expired", Gray)} {
		p.Rows = append(p.Rows, backupRow{at.AddDate(0, 0, -i), people()[i].Name, "Everything", s, 696_254_464 / int64(i+1), time.Duration(14-i) * time.Second})
	}
	return p
}

type loginPage struct {
	Page
	Username, Password Field
	Problems           ErrorSummary
	Button, Provider   Button
}

func login() loginPage {
	p := loginPage{Page: Page{Title: "Sign in", Lead: "Harbour Authority", Footer: frame("", "").Footer}, Username: Text("username", "Login or e-mail", "ana").Require(), Password: Password("password", "Password", "current-password").Require()}
	p.Username.Autocomplete = "username"
	p.Problems = Problems(Problem{Text: "Login or password is wrong. Try again."})
	p.Button, p.Provider = Submit("Sign in"), Link("Continue with Harbour ID", "#").WithIcon("key-round")
	p.Button.Wide, p.Provider.Wide = true, true
	return p
}

type confirmPage struct {
	Page
	Password Field
}

func confirm() confirmPage {
	p := confirmPage{Page: frame("Delete “Harbour renewal”?", "Projects"), Password: backups().Password}
	p.HideTitle, p.Width = true, "narrow"
	return p
}

// guides are the pages of the guide by their names, in the order in which they are listed.
var guides = []NavItem{
	{Label: "Components", Href: "/styleguide/components"},
	{Label: "A list", Href: "/styleguide/list"},
	{Label: "A table of work packages", Href: "/styleguide/table"},
	{Label: "A board", Href: "/styleguide/board"},
	{Label: "A calendar", Href: "/styleguide/calendar"},
	{Label: "A Gantt chart", Href: "/styleguide/gantt"},
	{Label: "A work package", Href: "/styleguide/package"},
	{Label: "A page of the administration", Href: "/styleguide/backup"},
	{Label: "Sign-in", Href: "/styleguide/login"},
	{Label: "A question", Href: "/styleguide/confirm"},
}

// looks are what a page of the guide can be seen in.
var looks = []NavItem{
	{Label: "As the system says", Href: "?"},
	{Label: "Light", Href: "?theme=light"},
	{Label: "Dark", Href: "?theme=dark"},
	{Label: "High contrast", Href: "?contrast=more"},
	{Label: "Compact", Href: "?density=compact"},
	{Label: "Roomy", Href: "?density=roomy"},
}

// GuideFrame is what a page of the guide has around its content, for the pages that are made of more than
// parts.
func GuideFrame(title, theme, density, contrast string) Page {
	p := frame(title, "Work packages")
	p.Theme, p.Density, p.Contrast = theme, density, contrast
	return p
}

// GuidePage is the data of a page of the guide; nil when there is none of that name. The looks are what
// Page says of them.
func GuidePage(name, theme, density, contrast string) any {
	wear := func(p *Page) { p.Theme, p.Density, p.Contrast = theme, density, contrast }
	switch name {
	case "components":
		p := components()
		p.Side = SideNav{Title: "Style guide", Groups: []NavGroup{{"", guides}, {"Looks", looks}}}
		wear(&p.Page)
		return p
	case "list":
		p := listing()
		wear(&p.Page)
		return p
	case "package":
		p := workPackage()
		wear(&p.Page)
		return p
	case "backup":
		p := backups()
		wear(&p.Page)
		return p
	case "login":
		p := login()
		wear(&p.Page)
		return p
	case "confirm":
		p := confirm()
		wear(&p.Page)
		return p
	}
	return nil
}
