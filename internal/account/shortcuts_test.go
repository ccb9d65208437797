package account_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/holdfast/holdfast/internal/account"
	"github.com/holdfast/holdfast/internal/app/apptest"
	"github.com/holdfast/holdfast/internal/fault"
	"github.com/holdfast/holdfast/internal/opt"
)

func TestKeysOfEverybodyDoNotGetInEachOthersWay(t *testing.T) {
	all := map[string]string{}
	for _, s := range account.Shortcuts {
		all[s.Name] = s.Key
	}
	if got := account.ChooseKeys(all); got != "" {
		t.Errorf("keys as everybody has them are taken for a choice: %q", got)
	}
	if len(all) != len(account.Shortcuts) || len(slices.Collect(maps.Keys(all))) == 0 {
		t.Error("a name stands there twice")
	}
}

func TestKeysArePeoplesOwn(t *testing.T) {
	apptest.Each(t, apptest.Options{}, func(chi.Router, *apptest.Instance) {}, func(t *testing.T, in *apptest.Instance) {
		in.User("bo", false)
		in.User("eve", false)
		ctx, bo, eve := t.Context(), in.Actor("bo"), in.Actor("eve")
		choose := func(keys map[string]string) error {
			_, err := in.Accounts.Update(ctx, bo, bo.ID, account.Patch{OwnKeys: opt.Of(account.ChooseKeys(keys))})
			return err
		}
		for name, c := range map[string]struct {
			keys map[string]string
			want map[string]string // codes by field
		}{
			"another key":                             {map[string]string{"create": "n", "home": " g   x ", "edit": ""}, nil},
			"two that change places":                  {map[string]string{"next": "k", "previous": "j"}, nil},
			"capitals are keys of their own":          {map[string]string{"create": "E"}, nil},
			"signs of any script":                     {map[string]string{"create": "ß", "edit": "ж", "comment": "#"}, nil},
			"the key of something else":               {map[string]string{"create": "e"}, map[string]string{"key_create": "key_taken"}},
			"twice the same":                          {map[string]string{"create": "z", "edit": "z"}, map[string]string{"key_create": "key_taken", "key_edit": "key_taken"}},
			"the beginning of others":                 {map[string]string{"create": "g"}, map[string]string{"key_create": "key_taken"}},
			"what another one begins":                 {map[string]string{"create": "x y"}, map[string]string{"key_create": "key_taken"}},
			"words, digits and what nobody can press": {map[string]string{"create": "Enter", "edit": "7", "help": "a b c d", "next": "\u0301", "open": "\u200b"}, map[string]string{"key_create": "no_key", "key_edit": "no_key", "key_help": "no_key", "key_next": "no_key", "key_open": "no_key"}},
		} {
			err := choose(c.keys)
			var got map[string]string
			for _, f := range fault.Fields(err) {
				if got == nil {
					got = map[string]string{}
				}
				got[f.Name] = f.Code
			}
			if diff := cmp.Diff(c.want, got); diff != "" || c.want == nil && err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
			}
		}
		if err := choose(map[string]string{"create": "n", "home": "g x"}); err != nil {
			t.Fatal(err)
		}
		u, err := in.Accounts.Find(ctx, bo, bo.ID)
		if diff := cmp.Diff(map[string]string{"c": "n", "g h": "g x"}, u.OwnKeys.ByKey()); err != nil || diff != "" {
			t.Errorf("kept: %v (-want +got):\n%s", err, diff)
		}
		if got := in.Actor("bo").OwnKeys; got != string(u.OwnKeys) {
			t.Errorf("pages are told %q", got)
		}
		_, err = in.Accounts.Update(ctx, bo, bo.ID, account.Patch{OwnKeys: opt.Of(account.OwnKeys("fly n"))})
		if fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("a key for nothing: %v", err)
		}
		if _, err = in.Accounts.Update(ctx, eve, bo.ID, account.Patch{OwnKeys: opt.Of(account.OwnKeys(""))}); err == nil {
			t.Error("somebody else takes the keys away")
		}
		if err := choose(nil); err != nil {
			t.Fatal(err)
		}
		if u, err = in.Accounts.Find(ctx, bo, bo.ID); err != nil || u.OwnKeys != "" {
			t.Errorf("back to those of everybody: %q, %v", u.OwnKeys, err)
		}
	})
}
