// Command gen writes the list of common passwords that new passwords are checked against.
//
// The list is made by rule from words people are known to choose: everyday words, first names, teams,
// places and keyboard walks, alone and with the endings people add. Ornaments such as digits and signs at
// the ends are cut off before the lookup, so the list needs only forms that survive this.
package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FILE.gz")
		os.Exit(2)
	}
	if err := writeFile(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func writeFile(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	return f.Close()
}

func write(w io.Writer) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(z, strings.Join(list(), "\n")+"\n"); err != nil {
		return err
	}
	return z.Close()
}

// list returns all words, each once, sorted.
func list() []string {
	var all []string
	words := strings.Fields(everyday + work + names + places + teams)
	all = append(all, words...)
	all = append(all, strings.Fields(phrases)...)
	all = append(all, strings.Fields(walks)...)
	for _, name := range strings.Fields(names) {
		all = append(all, "ilove"+name, name+"love", "my"+name)
	}
	for _, w := range words {
		all = append(all, "the"+w, "my"+w, w+"s", w+"man", w+"girl", w+"boy", w+w)
	}
	for _, w := range strings.Fields(verbs) {
		for _, o := range strings.Fields(objects) {
			all = append(all, w+o)
		}
	}
	for _, w := range strings.Fields(stems) {
		for _, e := range strings.Fields(endings) {
			all = append(all, w+e)
		}
	}
	all = append(all, dates()...)
	slices.Sort(all)
	return slices.Compact(all)
}

// dates returns digit-only passwords: counting, repeating and days of birth years.
func dates() []string {
	var all []string
	for year := 1950; year <= 2030; year++ {
		all = append(all, fmt.Sprintf("%d%d", year, year), fmt.Sprintf("%d%d", year, year+1))
	}
	return append(all, []string{"1234567890", "0987654321", "0123456789", "9876543210", "1231231234", "1212121212", "1122334455", "1029384756", "3141592653", "3141592654", "2718281828", "1357924680", "147258369", "789456123", "741852963", "159357258", "5201314", "11223344", "112233445566", "12344321", "1234554321", "123456654321", "123321123", "987654321", "123456789", "12345678910", "123456789012", "0000000000", "1111111111", "123123123123", "1q2w3e4r5t", "1q2w3e4r5t6y", "q1w2e3r4t5", "q1w2e3r4t5y6", "1qaz2wsx3edc", "zaq12wsxcde3", "1a2b3c4d5e", "a1b2c3d4e5", "abc123abc123", "123qwe123qwe", "123qweasdzxc", "qwe123qwe123", "asd123asd123", "1qazxsw23edc", "zaq1zaq1", "1qaz1qaz", "p455w0rd", "passw0rd123"}...)
}
