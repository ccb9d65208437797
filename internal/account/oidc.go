package account

import (
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/holdfast/holdfast/internal/config"
)

// provider is one OpenID Connect provider; what it says about itself is asked
// for when it is first needed, so that Holdfast starts without it.
type provider struct {
	config.Provider
	mu         sync.Mutex
	discovered *oidc.Provider
}

func newProviders(all []config.Provider) map[string]*provider {
	out := make(map[string]*provider, len(all))
	for _, p := range all {
		out[p.Slug] = &provider{Provider: p}
	}
	return out
}
