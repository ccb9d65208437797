package secret

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// MaxPasswordBytes bounds the work a stranger can ask for with one password.
const MaxPasswordBytes = 1024

// ErrPasswordTooLong is returned for a password beyond MaxPasswordBytes.
var ErrPasswordTooLong = errors.New("password is too long")

// ErrHashUnknown is returned for a stored hash of a form or size nobody here wrote.
var ErrHashUnknown = errors.New("password hash has an unknown form")

// Cost is what one new hash takes of memory and of passes over it.
type Cost struct {
	Memory uint32 // KiB, at least 8
	Passes uint32
}

// Recommended is OWASP's smallest recommended setting of argon2id, about 40 ms a hash.
var Recommended = Cost{Memory: 19 * 1024, Passes: 2}

type argonParams struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

const (
	saltBytes = 16
	hashBytes = 32
)

// Hasher makes and checks password hashes, never more than a few at a time: each needs 19 MiB.
type Hasher struct {
	slots chan struct{}
	cost  argonParams
	dummy string // a hash of something nobody knows, for users that do not exist
}

// NewHasher returns a Hasher that runs at most parallel computations, others wait their
// turn, and makes hashes of a cost; the zero Cost means Recommended. Less is for tests alone.
func NewHasher(parallel int, cost Cost) *Hasher {
	if cost == (Cost{}) {
		cost = Recommended
	}
	p := argonParams{memory: cost.Memory, time: cost.Passes, threads: 1}
	return &Hasher{slots: make(chan struct{}, max(1, parallel)), cost: p, dummy: hashArgon(NewToken(""), p)}
}

// Hash returns the stored form of a new password. It waits for a slot until ctx ends.
func (h *Hasher) Hash(ctx context.Context, password string) (hash string, err error) {
	if len(password) > MaxPasswordBytes {
		return "", ErrPasswordTooLong
	}
	err = h.inSlot(ctx, func() { hash = hashArgon(password, h.cost) })
	return hash, err
}

// Verify reports whether password belongs to hash, which is argon2id or an imported bcrypt hash.
//
// Errors: ErrHashUnknown for a hash it cannot read, the context's error when no slot came free in time.
// A password that is too long is simply wrong.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (ok bool, err error) {
	if len(password) > MaxPasswordBytes {
		return false, h.VerifyNobody(ctx, "")
	}
	check, err := verifier(hash)
	if err != nil {
		return false, err
	}
	err = h.inSlot(ctx, func() { ok = check(password) })
	return ok, err
}

// VerifyNobody takes the time of Verify for a user that does not exist or has no password, so that the
// answer to a wrong login and to a wrong password come equally late.
func (h *Hasher) VerifyNobody(ctx context.Context, password string) error {
	_, err := h.Verify(ctx, password[:min(len(password), MaxPasswordBytes)], h.dummy)
	return err
}

func (h *Hasher) inSlot(ctx context.Context, work func()) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("wait for password check: %w", err)
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for password check: %w", ctx.Err())
	}
	defer func() { <-h.slots }()
	work()
	return nil
}

// NeedsRehash reports whether hash should be replaced at the next successful sign-in: it is not
// argon2id, or is weaker than what Hash makes today.
func (h *Hasher) NeedsRehash(hash string) bool {
	p, salt, sum, err := parseArgon(hash)
	return err != nil || p.memory < h.cost.memory || p.time < h.cost.time || len(salt) < saltBytes || len(sum) < hashBytes
}

func verifier(hash string) (func(password string) bool, error) {
	if isBcrypt(hash) {
		if _, err := bcrypt.Cost([]byte(hash)); err != nil {
			return nil, ErrHashUnknown
		}
		return func(password string) bool {
			return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
		}, nil
	}
	p, salt, sum, err := parseArgon(hash)
	if err != nil {
		return nil, err
	}
	return func(password string) bool {
		got := argon2.IDKey([]byte(password), salt, p.time, p.memory, p.threads, uint32(len(sum)))
		return Equal(string(got), string(sum))
	}, nil
}

func isBcrypt(hash string) bool {
	return strings.HasPrefix(hash, "$2a$") || strings.HasPrefix(hash, "$2b$") || strings.HasPrefix(hash, "$2y$")
}

var phc = base64.RawStdEncoding.Strict()

func hashArgon(password string, p argonParams) string {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	sum := argon2.IDKey([]byte(password), salt, p.time, p.memory, p.threads, hashBytes)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads, phc.EncodeToString(salt), phc.EncodeToString(sum))
}

// parseArgon reads a PHC string. Parameters that would exhaust the machine are refused: the hash may be imported.
func parseArgon(hash string) (p argonParams, salt, sum []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, ErrHashUnknown
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil {
		return p, nil, nil, ErrHashUnknown
	}
	salt, errSalt := phc.DecodeString(parts[4])
	sum, errSum := phc.DecodeString(parts[5])
	odd := p.memory < 8 || p.memory > 256*1024 || p.time < 1 || p.time > 32 || p.threads < 1 || p.threads > 16
	if errSalt != nil || errSum != nil || odd || len(salt) < 8 || len(salt) > 64 || len(sum) < 16 || len(sum) > 64 {
		return p, nil, nil, ErrHashUnknown
	}
	return p, salt, sum, nil
}
