// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Bank is an application whose data say by themselves whether they are whole: it
// moves money between accounts without pause, each time in one transaction that
// also notes the transfer under the next number of a sequence. Whatever fails, the
// money stays the same, each account holds what its transfers leave, and every
// transfer that was acknowledged is there.
type Bank struct {
	db     *sql.DB
	cancel context.CancelFunc
	ended  chan struct{}

	mu           sync.Mutex
	acknowledged []int64
	failed       int
	longest      time.Duration
	last         time.Time
}

// accounts is how many a bank has, and deposit what each begins with.
const accounts, deposit = 20, 1000

// bankTables makes an empty bank in the database of an application.
var bankTables = []string{
	"DROP TABLE IF EXISTS transfers, accounts",
	"CREATE TABLE accounts (id INT PRIMARY KEY, balance BIGINT NOT NULL)",
	"CREATE TABLE transfers (id BIGINT PRIMARY KEY, source INT NOT NULL, target INT NOT NULL, amount BIGINT NOT NULL)",
}

// OpenBank makes a bank in an application's database, and begins its business.
func OpenBank(ctx context.Context, db *sql.DB) (*Bank, error) {
	var rows []string
	for id := range accounts {
		rows = append(rows, fmt.Sprintf("(%d, %d)", id, deposit))
	}
	for _, statement := range append(bankTables, "INSERT INTO accounts VALUES "+strings.Join(rows, ", ")) {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("opening a bank: %w", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &Bank{db: db, cancel: cancel, ended: make(chan struct{}), last: time.Now()}
	go b.work(ctx)
	return b, nil
}

func (b *Bank) work(ctx context.Context) {
	defer close(b.ended)
	for id := int64(1); ctx.Err() == nil; id++ {
		err := b.transfer(ctx, id)
		b.mu.Lock()
		pause := 10 * time.Millisecond
		if err == nil {
			b.acknowledged = append(b.acknowledged, id)
			b.longest = max(b.longest, time.Since(b.last))
			b.last = time.Now()
		} else {
			b.failed++
			pause = 100 * time.Millisecond
		}
		b.mu.Unlock()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// transfer is one transaction, and its error is nil only when it was acknowledged.
func (b *Bank) transfer(ctx context.Context, id int64) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	source := rand.IntN(accounts)
	target := (source + 1 + rand.IntN(accounts-1)) % accounts
	amount := 1 + rand.IntN(10)
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // says so after a commit, and does nothing
	for _, part := range []struct {
		text string
		args []any
	}{
		{"UPDATE accounts SET balance = balance - ? WHERE id = ?", []any{amount, source}},
		{"UPDATE accounts SET balance = balance + ? WHERE id = ?", []any{amount, target}},
		{"INSERT INTO transfers VALUES (?, ?, ?, ?)", []any{id, source, target, amount}},
	} {
		if _, err := tx.ExecContext(ctx, part.text, part.args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Count is the number of transfers acknowledged so far.
func (b *Bank) Count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.acknowledged)
}

// Close ends the business, and reports what it did.
func (b *Bank) Close() Report {
	b.cancel()
	<-b.ended
	return Report{Acknowledged: len(b.acknowledged), Failed: b.failed, StoodStill: b.longest}
}

// Audit says what is wrong with the books as one server has them, and how many of
// the acknowledged transfers are not in them. asks runs a query on that server and
// gives its rows as lines.
func (b *Bank) Audit(asks func(query string) (string, error)) (lost int, wrong string, err error) {
	wrong, err = asks(auditQuery)
	if err != nil {
		return 0, "", err
	}
	lines, err := asks("SELECT id FROM shop.transfers")
	if err != nil {
		return 0, "", err
	}
	there := map[string]bool{}
	for line := range strings.Lines(lines) {
		there[strings.TrimSpace(line)] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range b.acknowledged {
		if !there[fmt.Sprint(id)] {
			lost++
		}
	}
	return lost, wrong, nil
}

// auditQuery has a line for each account that does not hold what its transfers
// leave, and one where the money is not what it was.
var auditQuery = fmt.Sprintf(`SELECT CONCAT('account ', a.id, ' holds ', a.balance, ', want ', a.want) FROM (
 SELECT id, balance, %[1]d + (SELECT IFNULL(SUM(amount), 0) FROM shop.transfers WHERE target = a.id) - (SELECT IFNULL(SUM(amount), 0) FROM shop.transfers WHERE source = a.id) AS want
 FROM shop.accounts a) a WHERE a.balance <> a.want
 UNION ALL SELECT CONCAT('all accounts hold ', SUM(balance), ', want %[2]d') FROM shop.accounts HAVING SUM(balance) <> %[2]d`, deposit, accounts*deposit)
