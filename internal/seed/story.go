package seed

import "github.com/holdfast/holdfast/internal/version"

// The demo story: an observatory that renews its telescope, builds a visitor
// centre, sells tickets on a new website and prepares an open night.

type person struct {
	login, first, last string
	admin, signsIn     bool
}

var people = []person{
	{"mara", "Mara", "Lindqvist", true, true},
	{"tomas", "Tomás", "Ferreira", false, true},
	{"aiko", "Aiko", "Tanaka", false, true},
	{"jonas", "Jonas", "Weber", false, false},
	{"priya", "Priya", "Raman", false, false},
	{"elif", "Elif", "Kaya", false, false},
	{"samuel", "Samuel", "Okoye", false, false},
	{"clara", "Clara", "Dubois", false, false},
	{"henrik", "Henrik", "Madsen", false, false},
	{"lena", "Lena", "Novak", false, false},
}

type crew struct {
	name    string
	members []string
}

var crews = []crew{
	{"Instrument workshop", []string{"aiko", "jonas", "henrik"}},
	{"Visitor services", []string{"elif", "samuel", "clara"}},
}

type place struct {
	name, identifier, parent, status, explanation, description string
	public, everyType                                          bool
	// lead is project admin and author of the first half, second of the rest.
	lead, second string
	members      []string // further people and groups, as Member
	readers      []string
	plan         string
	releases     []release
	sections     []section
	sorting      sorting
}

// A line of a plan: type letter, subject; assignee; first working day from
// today; working days; hours; status where the dates alone would mislead.
// Two blanks of indentation make a child of the line above.
var places = []place{
	{
		name: "Observatory renewal", identifier: "observatory-renewal", status: "on_track", lead: "tomas", second: "priya",
		explanation: "The crane is booked and the permits are in. The budget reserve is untouched.",
		description: "The dome of 1968 gets a new telescope, and the hill a house for its visitors.\n\n" +
			"- **Dome and telescope** is the technical half.\n- **Visitor centre** is the half people will walk through.",
		members: []string{"Instrument workshop", "Visitor services", "mara"}, readers: []string{"lena"},
		plan: `
S Secure the funding; tomas; -60; 40; 80
  T Write the application to the science foundation; tomas; -60; 15; 40
  T Collect letters of support from the partner schools; elif; -52; 12; 10
  T Answer the reviewers' questions; priya; -32; 8; 16
  M Grant approved; tomas; -20; 1
S Permits and neighbours; priya; -35; 45; 60
  T Noise report for the construction months; priya; -35; 10; 24
  T Evening for the neighbours in the village hall; clara; -14; 1; 8
  T Bat survey in the old dome; henrik; -9; 14; 30
  T Traffic plan for the crane; jonas; 4; 5; 12
  M Building permit in hand; priya; 10; 1
S Steering; tomas; -40; 100; 60
  T Monthly report to the board; tomas; -2; 3; 6
  T Keep the risk list current; mara; -5; 40; 20
  T Agree the handover criteria with the university; tomas; 12; 6; 10
  T Close the accounts of the first year; mara; 20; 8; 18
`,
	},
	{
		name: "Dome and telescope", identifier: "dome-and-telescope", parent: "observatory-renewal", status: "at_risk", lead: "aiko", second: "jonas",
		explanation: "The mirror cell is three weeks late; the workshop looks for a second supplier.",
		description: "A 1.2 metre telescope under the restored dome, usable by students from next autumn on.",
		everyType:   true, members: []string{"Instrument workshop", "tomas"}, readers: []string{"lena", "priya"},
		plan: `
S Take down the old instrument; jonas; -45; 20; 120
  T Photograph and label every part; jonas; -45; 6; 24
  T Drain and dispose of the oil bearings; henrik; -38; 4; 16
  T Lift out the old tube; jonas; -32; 2; 20
  T Hand the tube over to the museum; aiko; -26; 3; 6
S Restore the dome; henrik; -24; 50; 300
  T Sandblast the ribs; henrik; -24; 10; 60
  T Replace the rotation motors; jonas; -12; 12; 48
  T Seal the shutter against driving rain; henrik; -3; 9; 32
  T Paint the inside matt black; henrik; 8; 6; 30
  B Dome stops two degrees short of the park position; jonas; -4; 6; 8; In testing
  B Limit switch chatters in the cold; jonas; -1; 4; 5
S Build the telescope; aiko; -30; 80; 500
  T Order the primary mirror; aiko; -30; 5; 12
  T Machine the mirror cell; jonas; -18; 12; 70; On hold
  T Find a second supplier for the mirror cell; aiko; -2; 7; 14
  T Assemble the fork mount; jonas; 6; 14; 80
  T Align and collimate; aiko; 26; 8; 40
  M First light; aiko; 40; 1
S Control software; aiko; -15; 60; 200
  F Open and close the dome from the control room; aiko; -15; 10; 40; Tested
  F Park everything when the wind exceeds 60 km/h; aiko; -4; 9; 30
  F Queue observations for the night; aiko; 10; 12; 60
  B Guide camera loses its clock after midnight UTC; aiko; -3; 5; 10
  B Log file grows without bound; jonas; -12; 3; 4
`,
		releases: []release{
			{"Old instrument out", "The dome is empty and clean.", version.Closed, version.None, -45, -23},
			{"First light", "The first photograph through the new telescope, for the newspaper.", version.Open, version.Hierarchy, -30, 40},
			{"Student nights", "Groups of students observe without help.", version.Open, version.None, 41, 120},
		},
		sections: []section{{"Dome", "henrik"}, {"Optics", "aiko"}, {"Software", "jonas"}},
		sorting: sorting{
			"Take down the old instrument":     {"Old instrument out", "Optics"},
			"Restore the dome":                 {"First light", "Dome"},
			"Build the telescope":              {"First light", "Optics"},
			"Control software":                 {"First light", "Software"},
			"Queue observations for the night": {"Student nights", "Software"},
		},
	},
	{
		name: "Visitor centre", identifier: "visitor-centre", parent: "observatory-renewal", status: "on_track", lead: "elif", second: "samuel",
		explanation: "Foundations are poured; the timber frame arrives as planned.",
		description: "A small timber house with an exhibition, a lecture room for sixty people and a café with a view of the dome.",
		members:     []string{"Visitor services", "tomas", "henrik"}, readers: []string{"lena"},
		plan: `
S Building; elif; -30; 90; 400
  T Compare the offers for the timber frame; elif; -30; 8; 20
  T Pour the foundations; samuel; -18; 10; 80
  T Raise the frame; samuel; -2; 12; 120
  T Connect water and power; samuel; 9; 8; 60
  T Lay the floors; samuel; 22; 10; 70
  M Roof closed; elif; 18; 1
S Exhibition; clara; -20; 70; 260
  T Choose the ten stories we tell; clara; -20; 10; 40
  T Write the texts in plain language; clara; -8; 15; 50
  T Have the texts read by a school class; clara; 8; 4; 10
  T Build the light-pollution model; henrik; 5; 15; 60
  T Record the audio guide; elif; 25; 8; 24
S Access for everyone; elif; -10; 50; 90
  T Check the paths with the wheelchair users' club; elif; -10; 3; 8
  T Order tactile star maps; clara; -3; 6; 6
  T Loop system for the lecture room; samuel; 14; 4; 12
S Café; samuel; 5; 50; 70
  T Ask the village bakery for an offer; samuel; 5; 4; 4
  T Apply for the licence; samuel; 10; 8; 8
`,
	},
	{
		name: "Website and tickets", identifier: "website", status: "off_track", lead: "aiko", second: "priya",
		explanation: "The payment provider changed its interface; the launch moves by two weeks.",
		description: "People find out what is in the sky tonight, and book a seat under the dome.",
		everyType:   true, members: []string{"clara", "samuel", "elif", "jonas"}, readers: []string{"lena"},
		plan: `
E Tonight's sky; aiko; -25; 45; 160
  U As a visitor I see what can be observed tonight; aiko; -25; 10; 40
  U As a visitor I see whether clouds will come; aiko; -12; 9; 30
  F Show moon phase and twilight times; jonas; -5; 8; 20
  F Offer the page in three languages; clara; 6; 10; 30
E Booking; priya; -20; 60; 240
  U As a visitor I book seats for a guided night; priya; -20; 14; 60; Tested
  U As a teacher I ask for a date for my class; priya; -4; 10; 40
  F Pay by card; priya; -2; 9; 36; Test failed
  F Cancel up to two days before; priya; 8; 6; 20
  F Print tickets at home; jonas; 12; 5; 16
S Launch; priya; -8; 40; 80
  T Write the privacy notice; priya; -8; 5; 10
  T Load test with five hundred visitors; jonas; 14; 3; 12
  T Move the old addresses; aiko; 17; 2; 6
  M Website is live; priya; 20; 1
B Calendar shows events an hour late after the clock change; aiko; -6; 4; 6
B Seats are counted twice when two people book at once; priya; -3; 5; 10
B Umlauts are broken in confirmation mails; jonas; -10; 2; 3
B Page jumps when the weather box loads; clara; 1; 3; 4
`,
		releases: []release{
			{"1.0", "Tonight's sky, and seats for guided nights.", version.Open, version.None, -25, 20},
			{"1.1", "Tickets to print, more languages.", version.Open, version.None, 21, 60},
		},
		sections: []section{{"Booking", "priya"}, {"Pages", "jonas"}},
		sorting: sorting{
			"Tonight's sky": {"1.0", "Pages"}, "Booking": {"1.0", "Booking"}, "Launch": {"1.0", ""},
			"Offer the page in three languages": {"1.1", "Pages"}, "Print tickets at home": {"1.1", "Booking"},
			"Seats are counted twice when two people book at once": {"1.0", "Booking"},
			"Page jumps when the weather box loads":                {"", "Pages"},
		},
	},
	{
		name: "Open night", identifier: "open-night", status: "not_started", lead: "elif", second: "clara", public: true,
		explanation: "Volunteers are being found; everything else starts after the holidays.",
		description: "One night in spring, everybody may look through every telescope on the hill. This project is public: come and help.",
		members:     []string{"samuel", "henrik", "tomas"}, readers: []string{"lena", "jonas"},
		plan: `
S Programme; elif; -6; 40; 90
  T Invite speakers; elif; -6; 10; 16
  T Find twenty volunteers; clara; -4; 20; 24
  T Plan the route through the hill in the dark; henrik; 10; 5; 10
  T Rehearse the children's tour; clara; 24; 2; 8
S Publicity; clara; 2; 40; 50
  T Poster and flyers; clara; 2; 8; 20
  T Call the local radio; clara; 14; 1; 2
  T Put the date into the school newsletters; elif; 9; 3; 4
S Safety; samuel; 6; 40; 40
  T Red lamps for all paths; henrik; 6; 5; 12
  T First-aid post and its shifts; samuel; 12; 4; 8
  T Parking with the fire brigade; samuel; 15; 4; 8
M The night; elif; 45; 1
`,
	},
}

// remark is a comment of the story on the work package with the subject.
type remark struct{ who, subject, text string }

var remarks = []remark{
	{"tomas", "Machine the mirror cell", "The supplier now says **three weeks**. Can the fork mount go first?"},
	{"aiko", "Machine the mirror cell", "Yes. I moved it; we lose nothing before collimation."},
	{"henrik", "Dome stops two degrees short of the park position", "It only happens when the shutter is open. I suspect the cable drum."},
	{"aiko", "Dome stops two degrees short of the park position", "New end position is in the controller. Please watch it for a week."},
	{"jonas", "Guide camera loses its clock after midnight UTC", "Seen twice:\n\n1. last Tuesday at 00:03\n2. last night at 00:01\n\nThe time server was reachable both times."},
	{"priya", "Bat survey in the old dome", "The expert found no roost, only droppings. The report follows."},
	{"clara", "Bat survey in the old dome", "Then we may keep the tour route as it is."},
	{"samuel", "Raise the frame", "The lorry needs four metres of width at the gate; the hedge has to be cut back before."},
	{"tomas", "Raise the frame", "The neighbour agreed, the gardeners come on the day before."},
	{"elif", "Write the texts in plain language", "I like the one about the comet best. Shorter sentences in the first two, please."},
	{"aiko", "Seats are counted twice when two people book at once", "Happens without a lock between reading and writing the count. A unique seat number would end it for good."},
	{"samuel", "Pay by card", "The provider's test cards are refused since Monday."},
	{"elif", "As a teacher I ask for a date for my class", "Teachers plan half a year ahead; three months of calendar are not enough."},
	{"lena", "Find twenty volunteers", "I can ask at the university: the first-year students were keen last time."},
	{"henrik", "Seal the shutter against driving rain", "- [x] lower seal\n- [ ] upper seal\n- [ ] test with the hose"},
	{"priya", "Monthly report to the board", "Figures for the workshop are in. The rest by Thursday."},
	{"priya", "Keep the risk list current", "@mara, the crane is booked twice in April. Is that a new risk, or the old one?"},
	{"tomas", "Poster and flyers", "Please use the photograph from the last eclipse."},
	{"jonas", "Replace the rotation motors", "Second motor fitted, torque as in the data sheet."},
}

// watching names who follows what.
var watching = []struct{ who, subject string }{
	{"tomas", "First light"},
	{"priya", "First light"},
	{"jonas", "First light"},
	{"tomas", "Machine the mirror cell"},
	{"elif", "Website is live"},
	{"clara", "Website is live"},
	{"samuel", "The night"},
	{"clara", "The night"},
	{"tomas", "Roof closed"},
	{"aiko", "Building permit in hand"},
}
