package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// readFile applies the TOML file.
func (l *loader) readFile(o Options) {
	path, named := l.chooseFile(o)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return
	}
	if err != nil {
		l.problem(path, "", "the configuration file cannot be read: "+err.Error(), "name another with --config, or mend its permissions")
		return
	}
	var tree map[string]any
	if _, err := toml.Decode(string(content), &tree); err != nil {
		l.problem(path, "", "the file is not valid TOML: "+tomlError(err), "mend that line")
		return
	}
	l.config.file = path
	l.applyTree(path, named, tree)
}

func tomlError(err error) string {
	var p toml.ParseError
	if errors.As(err, &p) {
		return fmt.Sprintf("line %d: %s", p.Position.Line, p.Message)
	}
	return err.Error()
}

// applyTree takes the decoded file apart; the keys it does not know are problems.
func (l *loader) applyTree(path string, named bool, tree map[string]any) {
	source := "file " + path
	providers, hasProviders := tree["oidc"]
	delete(tree, "oidc")
	flat := flatten("", tree)
	if _, ok := flat["data"]; ok && !named {
		l.problem("data", source, "a file inside the data directory cannot say where that directory is", "use --data, or name the file with --config")
		delete(flat, "data")
	}
	for _, s := range settings() {
		if raw, ok := fromFile(l, s, s.bind(l.config), s.key, source, flat); ok {
			l.assign(s, raw, source)
		}
	}
	l.refuseUnknownKeys("", source, flat, l.keys())
	if hasProviders {
		l.readProviders(source, providers)
	}
}

// flatten turns nested tables into dotted keys.
func flatten(prefix string, tree map[string]any) map[string]any {
	flat := map[string]any{}
	for k, v := range tree {
		sub, ok := v.(map[string]any)
		if !ok {
			flat[prefix+k] = v
			continue
		}
		if len(sub) == 0 && prefix != "" {
			flat[prefix+k] = v
		}
		for k2, v2 := range flatten(prefix+k+".", sub) {
			flat[k2] = v2
		}
	}
	return flat
}

// fromFile takes the value of one setting out of flat, reading the file behind a secret's _file key.
func fromFile[T any](l *loader, s setting[T], v value, key, source string, flat map[string]any) (string, bool) {
	got, ok := flat[s.key]
	delete(flat, s.key)
	if s.secret {
		path, viaFile := flat[s.key+"_file"]
		delete(flat, s.key+"_file")
		switch {
		case viaFile && ok:
			l.problem(key, source, key+" and "+key+"_file are both set", "keep one of them")
			return "", false
		case viaFile:
			name, _ := path.(string)
			return l.secretFile(key, source, name)
		}
	}
	if !ok {
		return "", false
	}
	raw, right := v.text(got)
	if !right {
		l.problem(key, source, "the value has the wrong type", "it must be "+v.wants())
	}
	return raw, right
}

func (l *loader) refuseUnknownKeys(prefix, source string, rest map[string]any, known []string) {
	names := make([]string, 0, len(rest))
	for name := range rest {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		l.problem(prefix+name, source, "there is no such setting", didYouMean(name, known, "remove it, or see holdfast config show"))
	}
}

// readProviders applies the [[oidc]] tables.
func (l *loader) readProviders(source string, tables any) {
	list, ok := tables.([]map[string]any)
	if !ok {
		l.problem("oidc", source, "providers are a list of tables", "begin each provider with a line [[oidc]]")
		return
	}
	for i, table := range list {
		l.readProvider(source, i, flatten("", table))
	}
}

func (l *loader) readProvider(source string, i int, flat map[string]any) {
	prefix := fmt.Sprintf("oidc[%d].", i)
	if slug, ok := flat["slug"].(string); ok && slug != "" {
		prefix = "oidc." + slug + "."
	}
	var p Provider
	known := []string{"client_secret_file"}
	for _, s := range providerSettings() {
		known = append(known, s.key)
		v := s.bind(&p)
		assign(l, s, v, prefix+s.key, s.def, "default")
		if raw, ok := fromFile(l, s, v, prefix+s.key, source, flat); ok {
			assign(l, s, v, prefix+s.key, raw, source)
		}
	}
	l.refuseUnknownKeys(prefix, source, flat, known)
	l.config.OIDC = append(l.config.OIDC, p)
}

// readProviderVariables applies HOLDFAST_OIDC_*: it changes the provider of that slug, or adds one.
func (l *loader) readProviderVariables() {
	type found struct{ raw, source string }
	vars := map[string]found{}
	for _, s := range providerSettings() {
		if raw, source, ok := l.variable("oidc."+s.key, s.secret); ok {
			vars[s.key] = found{raw, source}
		}
	}
	if len(vars) == 0 {
		return
	}
	slug := "oidc"
	if f, ok := vars["slug"]; ok {
		slug = f.raw
	}
	p := l.provider(slug)
	for _, s := range providerSettings() {
		if f, ok := vars[s.key]; ok {
			assign(l, s, s.bind(p), "oidc."+slug+"."+s.key, f.raw, f.source)
		}
	}
}

// provider returns the provider of that slug, new with defaults when there is none.
func (l *loader) provider(slug string) *Provider {
	for i := range l.config.OIDC {
		if l.config.OIDC[i].Slug == slug {
			return &l.config.OIDC[i]
		}
	}
	var p Provider
	for _, s := range providerSettings() {
		assign(l, s, s.bind(&p), "oidc."+slug+"."+s.key, s.def, "default")
	}
	p.Slug = strings.TrimSpace(slug)
	l.config.OIDC = append(l.config.OIDC, p)
	return &l.config.OIDC[len(l.config.OIDC)-1]
}
