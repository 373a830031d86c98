-- The claims of every referral that a step was about since some sequence; after the last of them, all figures.
--
-- ARGV[5] that sequence, ARGV[6] how many steps at most
-- Result  {'rebuilding'} | {'ok', epoch, sequence, last step read, {for each a claim as in dump}, {figures, as in
--         figures.lua, when no step is left; else empty}, 1 when no step is left}

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

local last, claims, seen = tonumber(ARGV[5]), {}, {}
local steps = redis.call('XRANGE', KEYS[2], '(' .. epoch .. '-' .. ARGV[5], epoch .. '-' .. sequence,
  'COUNT', ARGV[6])
for _, step in ipairs(steps) do
  last = tonumber(match(step[1], '-(%d+)$'))
  for i = 1, #step[2], 2 do
    local referral = step[2][i] == 'referral' and step[2][i + 1]
    if referral and referral ~= '' and not seen[referral] then
      seen[referral] = true
      claims[#claims + 1] = describe(ARGV[1] .. 'claim:' .. referral, referral) or {referral, '0 none', ''}
    end
  end
end
if #steps >= tonumber(ARGV[6]) then return {'ok', epoch, sequence, last, claims, {}, 0} end
return {'ok', epoch, sequence, last, claims, add_figures({}), 1}
