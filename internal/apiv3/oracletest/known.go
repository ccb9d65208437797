package oracletest

// unlisted are the statuses that an operation may answer with although the
// description does not list them there, each with the reason. The document must
// still be an error as described.
var unlisted = map[int]string{
	400: "every operation refuses query parameters and bodies it cannot read",
	401: "authentication comes before the operation",
	404: "what the caller may not see is not there, whatever the operation",
	405: "the description lists only methods that exist",
	406: "a write without a content type, answered in plain text",
	409: "a job of the same kind may be under way",
	413: "limits on the size of a body come before the operation",
	415: "content types come before the operation",
	422: "values are refused, whatever the operation",
	429: "limits on the number of requests come before the operation",
	500: "anything may go wrong",
}

// patterns are paths with {} for any one segment.
type patterns map[string]string

// undocumented are paths of real servers that the description leaves out, each
// with the reason to serve it.
var undocumented = patterns{
	"/api/v3/backups":                          "the original's backup script asks for them",
	"/api/v3/job_statuses/{}":                  "backups and project copies are followed here",
	"/api/v3/work_packages/{}/relations":       "linked from every work package",
	"/api/v3/work_packages/available_projects": "the Nextcloud app asks for it",
	"/api/v3/time_entries/activities":          "the official command line finds activities here",
	"/api/v3/time_entries/activities/{}":       "activities link to themselves here",
	"/api/v3/attachments/{}/content":           "attachments link to their content here",
	"/api/v3/users/{}/avatar":                  "users link to their pictures here",
	"/api/v3/users/form":                       "the form of new users",
	"/api/v3/queries/{}/order":                 "queries link to their manual order here",
	"/api/v3/grids/{}":                         "deleting a grid",
	"/api/v3/custom_fields":                    "a list that clients tolerate missing",
	"/api/v3/spec.json":                        "the description itself",
	"/api/v3/openapi.json":                     "the description itself",
}

// misdescribed are operations whose success the description gets wrong, each
// with what real servers do. Their answers are only looked at as resources.
var misdescribed = patterns{
	"/api/v3/work_packages/form":                   "forms are HAL like everything else; the description has them as plain JSON",
	"/api/v3/work_packages/{}/form":                "the same",
	"/api/v3/projects/{}/work_packages/form":       "the same",
	"/api/v3/activities/{}":                        "described as comments alone; entries without one are plain activities",
	"/api/v3/memberships/form":                     "described with a single error, an array of links and a commit link that only valid forms have",
	"/api/v3/memberships/{}/form":                  "described as a membership; it is a form",
	"/api/v3/projects/available_parent_projects":   "described with programs and portfolios alone, which the community edition does not have",
	"/api/v3/projects/{}/available_assignees":      "described with users alone; groups can be assigned work as well",
	"/api/v3/work_packages/{}/available_assignees": "the same",
}

func (p patterns) match(path string) bool {
	for pattern := range p {
		if fit(pattern, path) >= 0 {
			return true
		}
	}
	return false
}
