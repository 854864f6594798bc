// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// A server shows a certificate for its address, which an authority of its own has
// signed. Both keys are made on the machine and never leave it; the authority may
// sign for that one address alone. Who trusts it trusts a renewed certificate, too.
const (
	certificates = "/etc/mysql/atoll"
	// serverFile is the server's key and certificate in one.
	serverFile = certificates + "/server.pem"
	// MembersFile is what members verify each other by: the certificates of all
	// members' authorities, which the cluster writes.
	MembersFile = certificates + "/members.pem"
	// AuthorityFile is the authority's certificate, for all to read.
	AuthorityFile = certificates + "/ca.pem"
)

// CodeCertificate says that an apply makes another certificate.
const CodeCertificate converge.Code = "mysql-certificate"

// renewal is how long before its end a certificate is renewed. It lasts ten years;
// nobody has to apply more often than once a year.
const renewal = 365 * 24 * time.Hour

//go:embed certificate.sh
var certificateFunctions string

// Certificate is what a machine says of its server's.
type Certificate struct {
	// Authority and Server are "missing", "broken" or "whole": with a key that is
	// theirs, and the server's one signed for its address.
	Authority string `json:"authority"`
	Server    string `json:"server"`
	// Until is when the server's one ends, in OpenSSL's words.
	Until string `json:"until"`
	// Now is the machine's clock, in seconds since 1970.
	Now int64 `json:"now"`
	// PEM is the authority's certificate, in base64 once more.
	PEM []byte `json:"pem"`
	// Used is the file that the server has loaded, UsedUntil the end of what was in it.
	Used, UsedUntil string `json:"-"`
}

// TLSRow is the statement of a question's row for Used and UsedUntil.
const TLSRow = `SELECT 'tls', JSON_OBJECT('used', (SELECT MAX(value) FROM performance_schema.tls_channel_status WHERE channel = 'mysql_main' AND property = 'Current_tls_cert'),
 'until', (SELECT MAX(value) FROM performance_schema.tls_channel_status WHERE channel = 'mysql_main' AND property = 'Ssl_server_not_after'))`

// Shown says whether the server shows its certificate.
func (s Certificate) Shown() bool {
	return s.Authority == whole && s.Server == whole && s.Used == serverFile && s.UsedUntil == s.Until
}

// The words of TrustScript for where a server's certificate comes from.
const (
	// MakerAtoll says that its settings name the one that was made here.
	MakerAtoll = "atoll"
	// MakerEarlier says that its settings are those of a version that made none.
	MakerEarlier = "earlier"
	// MakerOther says that somebody else sees to it.
	MakerOther = "other"
)

// TrustScript prints two more rows: the certificate of a machine's server, as Config's
// own question has it, and by which it trusts others, in base64, with who makes its own.
var TrustScript = `address=$(sed -n 's/^report_host = //p' ` + settingsFile + ` 2>/dev/null) directory=` + certificates + "\n" + certificateFunctions + `
certificate_row
maker=` + MakerEarlier + `
if [ ! -e ` + settingsFile + ` ]; then maker=` + MakerOther + `
elif grep -qx 'ssl_cert = ` + serverFile + `' ` + settingsFile + `; then maker=` + MakerAtoll + `
elif grep -qE '^ssl_(ca|capath|cert|key) = ' ` + settingsFile + `; then maker=` + MakerOther + `; fi
printf 'trust\t{"maker":"%s","members":"%s"}\n' "$maker" "$(base64 -w0 ` + MembersFile + ` 2>/dev/null)"
`

// OwnTLS says that the user's settings bring a certificate, so that none is made.
func (c Config) OwnTLS() bool {
	for name := range c.Own {
		if slices.Contains([]string{"ssl_ca", "ssl_capath", "ssl_cert", "ssl_key"}, normalName(name)) {
			return true
		}
	}
	return false
}

// certificateSettings let the server use it.
func certificateSettings() []Setting {
	return []Setting{{"ssl_ca", AuthorityFile}, {"ssl_cert", serverFile}, {"ssl_key", serverFile}}
}

func (c Config) certificateScript(do string) string {
	return "address=" + remote.Quote(c.Address) + " directory=" + certificates + "\n" + certificateFunctions + do + "\n"
}

// ends reads OpenSSL's way of writing a moment.
func ends(text string) (time.Time, error) { return time.Parse("Jan _2 15:04:05 2006 MST", text) }

// Expires is when the server's certificate ends; "" where it has none.
func (s Certificate) Expires() string {
	end, err := ends(s.Until)
	if err != nil || s.Server != whole {
		return ""
	}
	return end.UTC().Format(time.DateOnly)
}

const whole = "whole"

// certificateFindings say what is to be made, and what the server has not loaded yet.
func (c Config) certificateFindings(s Status) []provision.Finding {
	if c.OwnTLS() {
		return nil
	}
	one, text := s.Certificate, ""
	end, err := ends(one.Until)
	switch left := end.Sub(time.Unix(one.Now, 0)); {
	case one.Authority != whole:
		text = "its authority is " + one.Authority
	case one.Server == "broken":
		text = "is not one that its authority has signed for " + c.Address + ", or has ended"
	case one.Server != whole || err != nil:
		text = "is missing"
	case left < renewal:
		text = "ends on " + end.UTC().Format(time.DateOnly) + ", want more than a year"
	}
	if text != "" {
		return []provision.Finding{{Line: converge.Line{Subject: "certificate", Code: CodeCertificate, Text: text}, Mend: Certify{c.Endpoint()}}}
	}
	if !s.Answers || s.Variables["ssl_cert"] != serverFile || one.Shown() {
		return nil // or the variable's own line says so
	}
	return []provision.Finding{{
		Line: converge.Line{Subject: "certificate", Code: converge.CodeValue, Text: fmt.Sprintf("the server shows another one, of %s, which ends on %s", one.Used, one.UsedUntil)},
		Mend: c.mend(s),
	}}
}

// ErrVerified says that a member's certificate is one that the others verify.
var ErrVerified = errors.New("the other members of its group verify the server")

// keepsCertificate refuses settings with another certificate where the members
// verify each other's: they would not let the server in again.
func (c Config) keepsCertificate(s Status) error {
	if !strings.HasPrefix(s.Persisted["group_replication_ssl_mode"], "VERIFY_") {
		return nil
	}
	switch made := s.Persisted["group_replication_recovery_ssl_ca"] == MembersFile; {
	case made && c.OwnTLS():
		return fmt.Errorf("%w by certificates of Atoll's, and settings names another for it (ssl_ca, ssl_capath, ssl_cert or ssl_key). Leave those out", ErrVerified)
	case !made && !c.OwnTLS():
		return fmt.Errorf("%w by %q, which Atoll has not made. Name its files in settings (ssl_ca, ssl_cert, ssl_key), and it stays as it is; or set group_replication_ssl_mode = REQUIRED on all members first, and Atoll makes certificates that they verify",
			ErrVerified, s.Persisted["group_replication_recovery_ssl_ca"])
	}
	return nil
}

// certify makes what is missing of the certificate.
func (w *work) certify(ctx context.Context) error {
	return converge.Apply(ctx, w.host, converge.Manifest{Owner: Owner}, []converge.Step{{
		Title: "make the server's certificate", Effect: converge.Effect{Kind: converge.EffectWrite, Name: serverFile},
		Script: "ours " + serverFile + "\n" + w.config.certificateScript("certify"),
	}})
}

// AuthorityPEM is the authority's certificate as a file has it; "" where there is none.
func (s Certificate) AuthorityPEM() string {
	if s.Authority != whole {
		return ""
	}
	return string(s.PEM) + "\n"
}
