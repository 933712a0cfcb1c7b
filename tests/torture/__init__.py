"""The torture run: is anybody ever charged twice, forgotten or lied to while everything around us breaks?

    python -m tests.torture --rounds 100 --seed 7 --database sqlite
    python -m tests.torture --rounds 100 --mutant no-quarantine      # must be caught

    python -m tests.torture --rounds 25 --mutants                    # all of them, one after the other

One round is one small company on a fresh copy of a prepared database, living through some days: the daily
job (two at once), workers, web processes, customers with browsers, the gateway sandbox, a mail server: real
processes that speak HTTP and SMTP. Meanwhile a killer ends processes with SIGKILL, at random and
at named points, and stops one with SIGSTOP until its lease is over; sandbox and mail server misbehave.
Then everything is started again, time passes, and the invariants are asked of the database and of the
sandbox's own records. All dice of a round come from the seed and the number of the round.

board      what conductor and victims share: the clock, and which points are deadly
points     the named points at which a process may die
mutants    removed controls: switches of this harness and never of the product
stable     the process that has everything loaded and forks the victims
victims    what a fork does: the web server, a command, a payment by hand, the questions at the end
world      the company, its customers and their invoices
gateway    the sandbox and its bad weather
post       the mail server and its bad weather
visitors   customers with browsers
plan       the dice of one round
house      all that outlives a round
rounds     one round from its first process to its last question
invariants what must hold after it
"""
