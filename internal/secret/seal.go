package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// ErrSealInvalid is returned for a sealed value that was altered, or sealed for another purpose.
var ErrSealInvalid = errors.New("sealed value is not valid")

// ErrSealExpired is returned for a genuine sealed value whose time is over.
var ErrSealExpired = errors.New("sealed value has expired")

const sealVersion = 1

// Seal encrypts a small value for a cookie or link. Only Unseal with the same purpose opens it, before expires.
//
// Each purpose has a key of its own and is bound in as additional data; a random 96-bit nonce is safe for the
// 2^32 values a purpose may seal.
func (k *Keyring) Seal(purpose string, value []byte, expires time.Time) string {
	head := binary.BigEndian.AppendUint64([]byte{sealVersion}, uint64(expires.UnixMicro()))
	sealed := k.aead(purpose).Seal(nil, nil, value, sealData(purpose, head))
	return base64.RawURLEncoding.EncodeToString(append(head, sealed...))
}

// Unseal returns the value Seal was given, or ErrSealInvalid or ErrSealExpired.
func (k *Keyring) Unseal(purpose, sealed string, now time.Time) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < 9 || raw[0] != sealVersion {
		return nil, ErrSealInvalid
	}
	head, body := raw[:9], raw[9:]
	value, err := k.aead(purpose).Open(nil, nil, body, sealData(purpose, head))
	if err != nil {
		return nil, ErrSealInvalid
	}
	if !now.Before(time.UnixMicro(int64(binary.BigEndian.Uint64(head[1:])))) {
		return nil, ErrSealExpired
	}
	return value, nil
}

func sealData(purpose string, head []byte) []byte {
	return append([]byte(purpose+"\x00"), head...)
}

func (k *Keyring) aead(purpose string) cipher.AEAD {
	key := k.Derive(Cookie, "seal "+purpose)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("secret: " + err.Error()) // only for a wrong key length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("secret: " + err.Error()) // only for a foreign block cipher
	}
	return aead
}
