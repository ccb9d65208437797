package account_test

import (
	"testing"
	"time"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/audit"
	"github.com/holdfast/holdfast/internal/db/dbtest"
	"github.com/holdfast/holdfast/internal/secret"
)

// BenchmarkAuthenticate measures what every request pays before it is carried out.
func BenchmarkAuthenticate(b *testing.B) {
	s := account.New(account.Deps{
		DB: dbtest.OpenSQLite(b, time.Now), Keys: secret.NewKeyring(), Hasher: secret.NewHasher(1, secret.Cost{}), Audit: audit.New([]byte("key")),
	})
	_, err := s.Create(b.Context(), operator, account.CreateInput{
		Login: "ann", Firstname: "Ann", Lastname: "Tester", Mail: "ann@example.org", Password: goodPassword,
	})
	if err != nil {
		b.Fatal(err)
	}
	_, key, err := s.CreateKeyFor(b.Context(), operator, "ann", "bench")
	if err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.AuthenticateKey(b.Context(), key, "127.0.0.1"); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
