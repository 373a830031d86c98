-- Claims as they are now.
--
-- KEYS[3...] the referrals' claims
-- ARGV[5...] the same referrals
-- Result  {'rebuilding'} | {'ok', epoch, sequence, for each {referral, claim or '0 none', the queues in which it
--         stands at its rank, joined by spaces}}

return for_each_claim(1, describe)
