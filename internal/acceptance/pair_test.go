// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// pair is a source, hk1, and its replica, hk2, made by hand, with a bank that does its
// business at the source.
type pair struct {
	*fixture
	gtids bool
	line  *movable
	bank  *site.Bank
	// guide are the turns of the guide that replaces it, and blocks its configuration.
	guide  [][]turn
	blocks []string
}

// movable is a machine from which an application reaches its database where that is now.
type movable struct {
	remote.Host
	mu sync.Mutex
	at string
}

// Dial goes to the database wherever the caller thinks it is.
func (m *movable) Dial(ctx context.Context, endpoint remote.Endpoint) (net.Conn, error) {
	m.mu.Lock()
	endpoint.Address = m.at
	m.mu.Unlock()
	return m.Host.Dial(ctx, endpoint)
}

func (m *movable) move(at string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = at
}

// settingsOfAPair are what people write for a pair; hk1 and hk2 come of one image.
const settingsOfAPair = `cat >/etc/mysql/mysql.conf.d/pair.cnf <<'END'
[mysqld]
bind_address = *
server_id = %d
gtid_mode = %s
enforce_gtid_consistency = %[2]s
binlog_format = ROW
read_only = %[3]s
END
rm -f /var/lib/mysql/auto.cnf
systemctl enable --now mysql`

// The guide on a source and its replica is followed as it is printed, under a bank: what
// is asked for too early is refused and touches nothing, no acknowledged transfer is
// lost, and the old source becomes a member after a warning.
func TestPairIsReplaced(t *testing.T) {
	f := open(t)
	for name, gtids := range map[string]bool{"GTIDs": true, "positions": false} {
		t.Run(name, func(t *testing.T) {
			f := f.within(t)
			f.rebuildAll()
			p := f.pair(gtids)
			p.refused()
			began := time.Now()
			p.drain()
			p.follow("terraform apply")
			p.line.move("127.0.0.1:6446")
			t.Logf("%s: nobody wrote for %s, from the first statement on", name, time.Since(began).Round(time.Second))
			p.goesOn()
			p.inSync()
			p.follow("sudo systemctl disable --now mysql")
			p.audits("hk2")
			p.grow()
			report := p.bank.Close()
			t.Logf("%s: %d transfers acknowledged, %d refused meanwhile, none for %s at most", name, report.Acknowledged, report.Failed, report.StoodStill.Round(time.Second/10))
		})
	}
}

// pair makes one, with replication by GTIDs or by positions.
func (f *fixture) pair(gtids bool) *pair {
	f.Helper()
	p := &pair{fixture: f, gtids: gtids}
	mode, from := "OFF", "SOURCE_LOG_FILE = '%s', SOURCE_LOG_POS = %s"
	if gtids {
		mode, from = "ON", "SOURCE_AUTO_POSITION = 1"
	}
	f.on("hk1", fmt.Sprintf(settingsOfAPair, 101, mode, "OFF"))
	f.on("hk2", fmt.Sprintf(settingsOfAPair, 102, mode, "ON"))
	if !gtids {
		place := strings.Fields(f.sql("hk1", "SHOW BINARY LOG STATUS"))
		from = fmt.Sprintf(from, place[0], place[1])
	}
	f.sql("hk2", "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '203.0.113.11', SOURCE_USER = 'copies', SOURCE_PASSWORD = 'of the source', SOURCE_SSL = 1, SOURCE_CONNECT_RETRY = 1, "+from+"; START REPLICA")
	f.sql("hk1", `CREATE USER copies@'%' IDENTIFIED BY 'of the source' REQUIRE SSL; GRANT REPLICATION SLAVE ON *.* TO copies@'%';
CREATE DATABASE shop; CREATE TABLE shop.writes (id BIGINT PRIMARY KEY); CREATE EVENT shop.nightly ON SCHEDULE EVERY 1 DAY DO SELECT 1;
CREATE USER shop@'%' IDENTIFIED BY 'a long password'; GRANT ALL ON shop.* TO shop@'%'`)
	machine, err := site.Machine(f.pool, f.lab.Inventory, "app1")
	f.must(err)
	p.line = &movable{Host: machine, at: "203.0.113.11:3306"}
	db, err := site.OpenRouter(p.line, p.line.at, "shop", "a long password", "shop")
	f.must(err)
	db.SetConnMaxLifetime(time.Second)
	p.bank, err = site.OpenBank(f.Context(), db)
	f.must(err)
	f.Cleanup(func() { p.bank.Close(); _ = db.Close() })
	root, err := site.Root()
	f.must(err)
	text, err := os.ReadFile(filepath.Join(root, "templates", "guides", "replacing-a-pair.md.tmpl"))
	f.must(err)
	p.guide = transcripts(string(text))
	for _, block := range fences.FindAllStringSubmatch(string(text), -1) {
		if block[1] == "hcl" {
			p.blocks = append(p.blocks, p.own(block[2]))
		}
	}
	p.terraform = written(f.T, f.lab, p.blocks[0])
	return p
}

// touched is what an apply would leave on the replica.
const touched = "ls -A /etc/mysql /etc/mysql/mysql.conf.d; mysql -N -B -e 'SELECT @@gtid_mode, @@report_host, @@uptime IS NULL, (SELECT COUNT(*) FROM mysql.user)'; systemctl show -p ActiveEnterTimestamp mysql"

// refused asks too early: while the channel runs, while it is stopped, and after the
// statements of the refusal were run as they are printed, with nothing filled in.
func (p *pair) refused() {
	p.Helper()
	p.follow("terraform apply -target=atoll_host.db -target=atoll_host.app1")
	before := p.on("hk2", touched)
	remedy := regexp.MustCompile(`SELECT (?:WAIT_FOR_EXECUTED_GTID_SET|SOURCE_POS_WAIT)\(.*?RESET REPLICA ALL FOR CHANNEL '';`)
	for _, state := range []string{"ON", "OFF"} {
		if state == "OFF" {
			p.sql("hk2", "STOP REPLICA")
		}
		want := fmt.Sprintf("channel '': is a replica of 203.0.113.11:3306 (receiver %s, applier %[1]s", state)
		for what, ask := range map[string]func() error{
			"plan":  func() error { _, err := p.terraform.Plan(p.Context()); return err },
			"apply": func() error { return p.terraform.Apply(p.Context()) },
		} {
			err := ask()
			if err == nil || !strings.Contains(flat(err.Error()), want) || !strings.Contains(flat(err.Error()), "Nothing was changed") {
				p.Fatalf("a replica whose channel is %s: the %s says %v", state, what, err)
			}
			printed := remedy.FindString(flat(err.Error()))
			if said, err := p.try("hk2", "mysql -N -B -e "+remote.Quote(printed)+" 2>&1"); printed == "" || err == nil {
				p.Fatalf("%q, run with nothing filled in, says %q", printed, said)
			}
		}
	}
	p.sql("hk2", "START REPLICA")
	if after := p.on("hk2", touched); after != before {
		p.Errorf("the replica was\n%s\nand is\n%s", before, after)
	}
	if got := p.sql("hk2", "SELECT GROUP_CONCAT(host) FROM performance_schema.replication_connection_configuration"); got != "203.0.113.11" {
		p.Errorf("the replica has a channel from %q", got)
	}
}

// goesOn waits for business.
func (p *pair) goesOn() {
	p.Helper()
	count := p.bank.Count()
	p.eventually("business", time.Minute, func() bool { return p.bank.Count() > count+20 })
}

// audits looks into the books on hosts while the bank goes on: what was acknowledged
// until now is there.
func (p *pair) audits(hosts ...string) {
	p.Helper()
	for _, host := range hosts {
		p.eventually("the books of "+host+" are whole", time.Minute, func() bool {
			missing, problem, err := p.bank.Audit(func(query string) (string, error) { return p.try(host, "mysql -N -B -e "+remote.Quote(query)) })
			p.must(err)
			return missing == 0 && problem == ""
		})
	}
}

// grow makes the old source a member, and a server that is made a replica behind the
// back of its declaration, which is refused until it is none.
func (p *pair) grow() {
	p.Helper()
	p.follow("sudo systemctl enable --now mysql")
	body := strings.Replace(p.blocks[0], "servers = {\n", "servers = {\n"+p.blocks[1], 1)
	path := filepath.Join(p.terraform.Dir, "main.tf")
	content, err := os.ReadFile(path)
	p.must(err)
	p.must(os.WriteFile(path, []byte(strings.Replace(string(content), p.blocks[0], body, 1)), 0o600))
	if !p.gtids {
		p.must(p.lab.Rebuild(p.Context(), "hk1")) // it has no GTIDs, so the guide says to empty it
		p.must(p.terraform.Apply(p.Context()))
	} else {
		p.behindTheBack()
		plan := p.plan()
		if !strings.Contains(flat(plan.Text), "A Copy Replaces Data") || !strings.Contains(flat(plan.Text), "hk1: shop: hk2 has schemas of these names, too") {
			p.Errorf("the plan does not say that the data of hk1 are replaced:\n%s", plan.Text)
		}
		p.follow("terraform apply")
	}
	p.inSync()
	p.goesOn()
	p.audits("hk1", "hk2", "sg1")
	if got := p.sql("hk1", online); got != "3" {
		p.Errorf("%s members are online", got)
	}
}

// behindTheBack makes sg1's server, which no cluster has yet, a replica of the old
// source: it is refused as a member until it is none.
func (p *pair) behindTheBack() {
	p.Helper()
	p.must(p.terraform.Apply(p.Context(), `-target=atoll_mysql_server.db["sg1"]`))
	p.sql("sg1", "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '203.0.113.11', SOURCE_USER = 'copies', SOURCE_PASSWORD = 'of the source', SOURCE_SSL = 1, SOURCE_AUTO_POSITION = 1")
	if _, err := p.terraform.Plan(p.Context()); err == nil || !strings.Contains(flat(err.Error()), "sg1: channel '': is a replica of 203.0.113.11:3306 (receiver OFF, applier OFF") {
		p.Errorf("a member that was made a replica: %v", err)
	}
	p.sql("sg1", "RESET REPLICA ALL FOR CHANNEL ''")
}
