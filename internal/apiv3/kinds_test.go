package apiv3_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/holdfast/holdfast/internal/access"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/setting"
)

// TestAKindOfFilesThatIsNotAllowed is refused with the kinds that are, and leaves no file behind.
func TestAKindOfFilesThatIsNotAllowed(t *testing.T) {
	apptest.Each(t, apptest.Options{Demo: true}, mount, func(t *testing.T, in *apptest.Instance) {
		key := in.User("root", true)
		if _, err := in.Settings.Change(t.Context(), access.Operator("test"), func(v *setting.Values) { v.AttachmentKinds = []string{"*.pdf", "image/*"} }); err != nil {
			t.Fatal(err)
		}
		before := count(t, in)
		res := in.Do(key, http.MethodPost, "/api/v3/work_packages/1/attachments", upload(`{"fileName":"x.txt"}`, "text", false), "Content-Type", multipart)
		body := apptest.Body(res)
		if res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "Allowed: *.pdf, image/*.") || !strings.Contains(body, `"attribute":"fileName"`) {
			t.Errorf("got %d %s", res.StatusCode, body)
		}
		if after := count(t, in); after != before {
			t.Errorf("something stays:\n%s\n%s", before, after)
		}
	})
}
