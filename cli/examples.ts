/** Examples of each command, in its help and in docs/commands.md; a test runs every one. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  run: ['evenkeel run -f shop.yaml', 'evenkeel run -f shop.yaml --access-log --drain-timeout 1m'],
  controller: ['evenkeel controller --class default --log-level warn'],
  proxy: ['evenkeel proxy --controller 127.0.0.1:9902 --state state --name one --drain-delay 0s'],
  validate: ['evenkeel validate -f shop.yaml'],
  get: [
    'evenkeel get',
    'evenkeel get shop -o json',
    'evenkeel get --admin 127.0.0.1:9901',
    'kubectl evenkeel get -A -o wide',
  ],
  describe: ['evenkeel describe shop'],
  explain: [
    'evenkeel explain --url http://shop.example.com:8080/api/orders',
    'evenkeel explain --url http://shop.example.com:8080/ --method POST --header "x-tier: gold" --body "{}"',
  ],
  drain: ['evenkeel drain shop 127.0.0.1:9001', 'evenkeel drain shop 127.0.0.1:9001 --undo'],
  top: ['evenkeel top'],
};
