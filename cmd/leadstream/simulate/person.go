package simulate

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

var (
	firstNames = strings.Fields("Ada Ben Chiara Daniel Elena Farid Grace Hugo Ines Jonas Keiko Lukas Mei Nadia Omar Petra Qing Rosa Stefan Tomas Uma Viktor Wei Yara Zoe")
	lastNames  = strings.Fields("Weber Rossi Novak Larsson Moreau Tanaka Silva Becker Costa Horvat Li Meyer Nowak Okafor Pereira Quinn Ricci Schmidt Tran Ueda Vogel Wang Young Zhang")
	companies  = strings.Fields("Boden Arcilla Kaolin Fayence Terrano Steingut Celadon Majolik Bisque Glasur Raku Sinter")
	trades     = []string{"Keramik", "Tiles", "Ceramics", "Sanitary", "Refractories", "Porcelain"}
	roles      = []string{"Head of production", "Plant manager", "Process engineer", "Managing director", "IT"}
	kilns      = []int{1, 3, 10, 25}
)

// person says who a buyer is, as the demo site's form asks: a user id and traits.
func person(r *rand.Rand) (id string, traits map[string]any) {
	first, last := pick(r, firstNames), pick(r, lastNames)
	company, trade := pick(r, companies), pick(r, trades)
	// The number keeps two people of one name apart.
	email := strings.ToLower(fmt.Sprintf("%s.%s%d@%s-%s.example", first, last, r.IntN(10_000), company, trade))
	return email, map[string]any{
		"email": email, "name": first + " " + last, "company": company + " " + trade,
		"role": pick(r, roles), "kilns": pick(r, kilns),
	}
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
