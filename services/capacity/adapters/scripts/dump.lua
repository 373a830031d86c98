-- Claims as they are now.
--
-- KEYS[3...] the referrals' claims
-- ARGV[5...] the same referrals
-- Result  {'rebuilding'} | {'ok', epoch, sequence, for each referral that has a claim {referral, claim, the queues in
--         which it stands at its rank, joined by spaces}}

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

local result = {'ok', epoch, sequence}
for i = 3, #KEYS do
  local found = describe(KEYS[i], ARGV[i + 2])
  if found then result[#result + 1] = found end
end
return result
