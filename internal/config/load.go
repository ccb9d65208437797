package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options are the places settings are read from.
type Options struct {
	File    string            // the --config flag; empty reads HOLDFAST_CONFIG, then <data>/holdfast.toml if it exists
	Environ []string          // os.Environ()
	Flags   map[string]string // values of the flags that were given, by setting key
}

// Load reads and checks the whole configuration. Its error is a Problems that lists everything wrong.
//
// An environment variable that is set but empty counts as not set, as compose files produce such.
func Load(o Options) (*Config, error) {
	l := &loader{
		config: &Config{sources: map[string]string{}},
		env:    environment(o.Environ),
		byKey:  map[string]setting[Config]{},
		used:   map[string]bool{},
	}
	for _, s := range settings() {
		l.byKey[s.key] = s
		l.assign(s, s.def, "default")
	}
	l.readFile(o)
	l.readEnvironment()
	l.readFlags(o.Flags)
	l.refuseUnknownVariables()
	if len(l.problems) == 0 {
		l.problems = l.config.check()
	}
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	return l.config, nil
}

type loader struct {
	config   *Config
	env      map[string]string
	byKey    map[string]setting[Config]
	used     map[string]bool // variables that were understood
	problems Problems
}

func environment(environ []string) map[string]string {
	vars := map[string]string{}
	for _, pair := range environ {
		name, val, ok := strings.Cut(pair, "=")
		if ok && strings.HasPrefix(name, envPrefix) {
			vars[name] = val
		}
	}
	return vars
}

func (l *loader) problem(key, source, what, do string) {
	l.problems = append(l.problems, Problem{key, source, what, do})
}

func (l *loader) assign(s setting[Config], raw, source string) {
	assign(l, s, s.bind(l.config), s.key, raw, source)
}

// assign sets one value, or notes why it cannot be.
func assign[T any](l *loader, s setting[T], v value, key, raw, source string) {
	if err := v.set(raw); err != nil {
		l.problem(key, source, badValue(s.secret, raw), "it must be "+v.wants())
		return
	}
	l.config.sources[key] = source
}

func badValue(secret bool, raw string) string {
	if secret {
		return "the value is not valid"
	}
	return fmt.Sprintf("the value %q is not valid", raw)
}

// readEnvironment applies every variable of a setting, then those of the single OIDC provider.
func (l *loader) readEnvironment() {
	for _, s := range settings() {
		if raw, source, ok := l.variable(s.key, s.secret); ok {
			l.assign(s, raw, source)
		}
	}
	l.readProviderVariables()
}

// variable looks a key up in the environment, for secrets also through a file.
func (l *loader) variable(key string, secret bool) (raw, source string, ok bool) {
	name := envName(key)
	l.used[name] = true
	raw = l.env[name]
	if !secret {
		return raw, "env " + name, raw != ""
	}
	fileName := name + "_FILE"
	l.used[fileName] = true
	path := l.env[fileName]
	switch {
	case path == "":
		return raw, "env " + name, raw != ""
	case raw != "":
		l.problem(key, "env", name+" and "+fileName+" are both set", "keep one of them")
		return "", "", false
	}
	source = "env " + fileName
	raw, ok = l.secretFile(key, source, path)
	return raw, source, ok
}

// secretFile reads a secret, without the line break at its end.
func (l *loader) secretFile(key, source, path string) (string, bool) {
	content, err := os.ReadFile(path)
	if err != nil {
		l.problem(key, source, "the secret cannot be read: "+err.Error(), "name a file this user may read")
		return "", false
	}
	s := strings.TrimRight(string(content), "\r\n")
	if s == "" || strings.ContainsAny(s, "\r\n\x00") {
		l.problem(key, source, "the file "+path+" must hold one line with the secret", "write the secret into it")
		return "", false
	}
	return s, true
}

func (l *loader) readFlags(flags map[string]string) {
	for key, raw := range flags {
		s, ok := l.byKey[key]
		if !ok {
			l.problem(key, "flag "+flagName(key), "there is no such setting", didYouMean(key, l.keys(), "see holdfast config show"))
			continue
		}
		l.assign(s, raw, "flag "+flagName(key))
	}
}

func (l *loader) keys() []string {
	keys := make([]string, 0, len(l.byKey))
	for _, s := range Settings() {
		keys = append(keys, s.Key)
		if s.Secret {
			keys = append(keys, s.Key+"_file")
		}
	}
	return keys
}

// refuseUnknownVariables catches typing errors: a variable that begins with HOLDFAST_ is meant for us.
func (l *loader) refuseUnknownVariables() {
	names := make([]string, 0, len(l.env))
	for name := range l.env {
		names = append(names, name)
	}
	slices.Sort(names)
	known := []string{envPrefix + "CONFIG"}
	for name := range l.used {
		known = append(known, name)
	}
	slices.Sort(known)
	for _, name := range names {
		if slices.Contains(known, name) || testVariable(name) {
			continue
		}
		l.problem(name, "env", "there is no such setting", didYouMean(name, known, "remove it, or see holdfast config show"))
	}
}

func testVariable(name string) bool {
	return strings.HasPrefix(name, envPrefix+"TEST_") || name == envPrefix+"SHARED"
}

// dataDir finds the data directory before the file is read, since the file may lie in it.
func (l *loader) dataDir(flags map[string]string) string {
	if d := flags["data"]; d != "" {
		return d
	}
	if d := l.env[envName("data")]; d != "" {
		return d
	}
	return l.config.Data
}

// chooseFile says which file to read and whether somebody asked for it by name.
func (l *loader) chooseFile(o Options) (path string, named bool) {
	switch {
	case o.File != "":
		return o.File, true
	case l.env[envPrefix+"CONFIG"] != "":
		return l.env[envPrefix+"CONFIG"], true
	}
	return filepath.Join(l.dataDir(o.Flags), "holdfast.toml"), false
}
