-- Admit children: the place that a referral holds under the given attempt becomes occupied.
--
-- Any other claim is answered unchanged, 'none' without one, 'stale' when its attempt is higher.
--
-- KEYS[3...] the referrals' claims
-- ARGV[5...] for each: referral, attempt
-- Result  {'rebuilding'} | {'ok', epoch, sequence, for each {state, attempt, programme, repeated}}

local function occupy(key, referral, wanted)
  wanted = tonumber(wanted)
  local attempt, state, rank, names = read_claim(key)
  if not attempt then return claim_result('none', 0) end
  if attempt > wanted then return claim_result('stale', attempt) end
  if attempt < wanted or state ~= 'held' then return claim_result(state, attempt, names, attempt == wanted) end
  local p = programme(names)
  if not p then return claim_result(state, attempt, names, true) end
  p.held, p.occupied = p.held - 1, p.occupied + 1
  redis.call('SET', key, claim_of(attempt, 'occupied', rank, names))
  emit('occupied', names, referral, attempt)
  return claim_result('occupied', attempt, names)
end

return for_each_claim(2, occupy)
