package kit_test

import (
	"fmt"
	"log"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/holdfast/holdfast/internal/backup/kit"
	"github.com/holdfast/holdfast/internal/secret"
)

// A kit is text that can be typed from paper; a mistake is noticed.
func Example() {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		log.Fatal(err)
	}
	issued := &kit.Kit{
		Issued: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), Repository: "0123456789abcdef", Location: "s3://backups/plan",
		Identity: key, Keys: secret.NewKeyring(), Snapshot: "20261126T020000Z-aaaaaaaaaaaa", Head: strings.Repeat("ab", 32),
	}
	text := issued.Text()
	read, err := kit.Parse([]byte(text))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(read.Location, read.Identity.String() == key.String())
	_, err = kit.Parse([]byte(strings.Replace(text, "s3://backups", "s3://backup", 1)))
	fmt.Println(err)
	// Output:
	// s3://backups/plan true
	// this is no recovery kit, or it was copied wrongly: a character differs from what was printed
}
