package clickhouse

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// Migration is one numbered file.
type Migration struct {
	Version    uint32
	Name       string // the file's name
	Checksum   string // of its statements, without comments and blanks
	statements []statement
}

// fileName is NNNN_name.sql.
var fileName = regexp.MustCompile(`^([0-9]{4})_[a-z0-9_]+\.sql$`)

// readMigrations reads all files, in order of their numbers, and names every fault at once.
func readMigrations(files fs.FS) ([]Migration, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("clickhouse: no migration files were given")
	}
	sort.Strings(names)
	var all []Migration
	var faults []error
	for _, name := range names {
		migration, err := readMigration(files, name)
		if err != nil {
			faults = append(faults, fmt.Errorf("clickhouse: migration %s: %w", name, err))
			continue
		}
		if n := len(all); n > 0 && all[n-1].Version == migration.Version {
			faults = append(faults, fmt.Errorf("clickhouse: migrations %s and %s have the same number", all[n-1].Name, name))
		}
		all = append(all, migration)
	}
	return all, errors.Join(faults...)
}

func readMigration(files fs.FS, name string) (Migration, error) {
	match := fileName.FindStringSubmatch(name)
	if match == nil {
		return Migration{}, errors.New("a name must be NNNN_name.sql, in small letters")
	}
	version, err := strconv.ParseUint(match[1], 10, 32)
	if err != nil || version == 0 {
		return Migration{}, errors.New("numbers start at 0001")
	}
	body, err := fs.ReadFile(files, name)
	if err != nil {
		return Migration{}, err
	}
	statements, err := split(string(body))
	if err != nil {
		return Migration{}, err
	}
	if len(statements) == 0 {
		return Migration{}, errors.New("has no statement")
	}
	hash := sha256.New()
	var faults []error
	for _, one := range statements {
		fmt.Fprintf(hash, "%s;\n", one.canonical)
		if err := repeatable(one); err != nil {
			faults = append(faults, err)
		}
	}
	return Migration{uint32(version), name, hex.EncodeToString(hash.Sum(nil)), statements}, errors.Join(faults...)
}

// ClickHouse has no transaction around DDL: a kill after a statement and before the note that the
// file is done makes the statement run again. So each must be one that can, or say why it can.
var (
	guarded  = regexp.MustCompile(`(?i)\b(IF NOT EXISTS|IF EXISTS|OR REPLACE)\b`)
	fragile  = regexp.MustCompile(`(?i)\b(ADD|DROP|CLEAR|RENAME) (COLUMN|INDEX|PROJECTION|CONSTRAINT|STATISTICS)\b( IF (NOT )?EXISTS\b)?`)
	promised = regexp.MustCompile(`(?m)^-- repeatable: \S`)
)

// repeatable refuses a statement that fails or does harm when it runs twice.
func repeatable(one statement) error {
	if promised.MatchString(one.comments) {
		return nil
	}
	verb, _, _ := strings.Cut(strings.ToUpper(one.canonical), " ")
	switch verb {
	case "CREATE", "DROP", "DETACH", "ATTACH", "UNDROP":
		if guarded.MatchString(one.canonical) {
			return nil
		}
		return fmt.Errorf("line %d: %s must say IF NOT EXISTS, IF EXISTS or OR REPLACE: a kill in the middle makes it run again", one.line, verb)
	case "ALTER":
		for _, match := range fragile.FindAllStringSubmatch(one.canonical, -1) {
			if match[3] == "" {
				return fmt.Errorf("line %d: %s must be followed by IF NOT EXISTS or IF EXISTS: a kill in the middle makes it run again", one.line, strings.ToUpper(match[0]))
			}
		}
		return nil
	case "GRANT", "REVOKE", "OPTIMIZE", "SYSTEM":
		return nil
	default:
		return fmt.Errorf("line %d: %s may not be repeatable: write above it `-- repeatable: <why a second run changes nothing>`", one.line, verb)
	}
}
