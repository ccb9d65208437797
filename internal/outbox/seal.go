package outbox

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/mail"
)

// sealedPrefix begins a text that is sealed; rows from before have none.
const sealedPrefix = "sealed:"

// errUnreadable is why a mail is given up that cannot be opened.
var errUnreadable = errors.New("the mail cannot be read: it was queued under other keys of the server, or its row was changed; cause it again")

// never is when a sealed mail expires: mails wait as long as they have to.
func never() time.Time { return time.UnixMicro(math.MaxInt64) }

func sealPurpose(address string) string { return "mail to " + address }

type bodies struct {
	Text string `json:"text"`
	HTML string `json:"html"`
}

// seal returns what stands in the row instead of the text of a mail to the address.
func (o *Outbox) seal(address string, m mail.Message) string {
	b, err := json.Marshal(bodies{m.Text, m.HTML})
	if err != nil {
		panic("outbox: encode a mail: " + err.Error()) // strings always encode
	}
	return sealedPrefix + o.keys.Seal(sealPurpose(address), b, never())
}

// Open returns the mail as it was queued. It fails for rows that were queued under
// other keys, or changed outside Holdfast.
func (o *Outbox) Open(m Mail) (Mail, error) {
	sealed, ok := strings.CutPrefix(m.Text, sealedPrefix)
	if !ok { // from before mails were sealed, or purged
		return m, nil
	}
	raw, err := o.keys.Unseal(sealPurpose(m.Address), sealed, time.Time{}) // however late it is
	var b bodies
	if err != nil || json.Unmarshal(raw, &b) != nil {
		return m, errUnreadable
	}
	m.Text, m.HTML = b.Text, b.HTML
	return m, nil
}
